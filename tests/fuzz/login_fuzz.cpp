// SPDX-License-Identifier: Apache-2.0
// Any text as a token answer, a validation, a device answer, a refusal and what a person pasted: an Error that quotes
// nothing of it, or tokens that fit into a header.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "common/error.hpp"
#include "daemon/platform/catalog.hpp"
#include "daemon/platform/classify.hpp"
#include "daemon/platform/token_request.hpp"

using namespace tally;
using namespace tally::platform;

namespace {

const auto kNow = parse_instant("2026-11-21T20:00:00Z").value();

void require(bool holds) {
    if (!holds) std::abort();
}

bool fits(const Secret& token) {
    const auto& text = token.reveal();
    return std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

template <class Use>
void try_to(Use use) {
    try {
        use();
    } catch (const Error& error) {
        require(error.fault() == Fault::failed || error.fault() == Fault::usage);
    }
}

void check_request(const TokenRequest& request, const std::string& body) {
    try_to([&] {
        const auto answer = read_token_answer(request, body, kNow);
        require(!answer.access_token.empty() && fits(answer.access_token) && fits(answer.refresh_token));
        require(!answer.expires_at || *answer.expires_at > Instant{});
        const TokenValues values{.app = {.client_id = body, .client_secret = Secret{body}},
                                 .access_token = answer.access_token,
                                 .refresh_token = answer.refresh_token,
                                 .code = {},
                                 .code_verifier = {},
                                 .device_code = {},
                                 .redirect_uri = body,
                                 .scopes = body};
        const auto next = render_token_request(request, "fuzz", values, {});
        require(std::all_of(next.url.begin(), next.url.end(), [](char c) { return c > ' ' && c <= '~'; }));
    });
}

void check_login(const Login& login, const std::string& body) {
    for (const auto* step : {&login.code, &login.exchange})
        if (*step) check_request(**step, body);
    if (login.refresh) check_request(login.refresh->request, body);
    if (login.device) {
        check_request(login.device->poll, body);
        try_to([&] {
            const auto start = read_device_start(*login.device, body);
            require(fits(start.device_code) && start.interval.count() >= 1 && start.expires_in.count() >= 30);
        });
    }
    if (login.validate) try_to([&] { read_validation(*login.validate, body, kNow); });
    for (const int status : {200, 400, 401, 503}) {
        const auto verdict = classify(login, {.status = status, .headers = {}, .body = body}, kNow);
        require(verdict.message.size() <= 300 && verdict.wait.count() >= 0);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Catalog catalog = Catalog::load({TALLY_SOURCE_DIR "/etc/platforms"});
    const std::string text{reinterpret_cast<const char*>(data), size};
    for (const auto& platform : catalog.all()) {
        for (const auto& login : platform->auth.logins) check_login(login, text);
    }
    try_to([&] { require(!code_from_redirect(text, "state").empty()); });
    return 0;
}
