// SPDX-License-Identifier: Apache-2.0
// One curl easy handle, kept for the connection's sake.
#include "cli/daemon_client.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "common/url.hpp"

namespace tally::cli {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kAnswerLimit = 256U << 20U;
constexpr long kConnectTimeoutMs = 5'000;

std::size_t receive(char* data, std::size_t size, std::size_t count, void* answer) noexcept {
    try {
        auto& text = *static_cast<std::string*>(answer);
        if (text.size() + size * count > kAnswerLimit) return 0;
        text.append(data, size * count);
        return size * count;
    } catch (const std::bad_alloc&) {
        return 0;
    }
}

Fault fault_of_status(int status) noexcept {
    switch (status) {
        case 400:
            return Fault::usage;
        case 401:
        case 403:
            return Fault::denied;
        case 404:
            return Fault::missing;
        case 429:
        case 503:
            return Fault::temporary;
        default:
            return status >= 500 ? Fault::internal : Fault::failed;
    }
}

std::string string_member(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

Error transport_error(CURLcode code, long os_error, const std::string& socket, const char* detail) {
    if (code == CURLE_COULDNT_CONNECT && (os_error == EACCES || os_error == EPERM))
        return Error{Fault::denied, fmt::format("not allowed to talk to tallyd (socket \"{}\")", socket),
                     "Become root or a member of the group 'tally' (usermod -aG tally NAME, then log in again)."};
    if (code == CURLE_COULDNT_CONNECT)
        return Error{Fault::unreachable, fmt::format("tallyd is not running (socket \"{}\")", socket),
                     "Start it: systemctl start tallyd."};
    if (code == CURLE_OPERATION_TIMEDOUT)
        return Error{Fault::temporary, fmt::format("tallyd did not answer in time (socket \"{}\")", socket),
                     "See 'journalctl -u tallyd'; it may be busy or stopping."};
    return Error{
        Fault::unreachable,
        fmt::format("lost tallyd (socket \"{}\"): {}", socket, *detail != '\0' ? detail : curl_easy_strerror(code)),
        "See 'journalctl -u tallyd'."};
}

}  // namespace

std::string api_path(const std::vector<std::string>& parts) {
    std::string path = "/api/internal";
    for (const auto& part : parts) {
        // An empty part would name another resource.
        if (part.empty()) throw Error{Fault::usage, "a name must not be empty"};
        path += "/" + percent_encode(part);
    }
    return path;
}

std::string with_query(std::string path, const std::vector<std::pair<std::string, std::string>>& query) {
    char separator = '?';
    for (const auto& [name, value] : query) {
        if (value.empty()) continue;
        path += fmt::format("{}{}={}", separator, name, percent_encode(value));
        separator = '&';
    }
    return path;
}

Error api_error(int status, std::string_view body) {
    const auto answer = Json::parse(body, nullptr, false);
    const auto error = answer.is_object() ? answer.value("error", Json{}) : Json{};
    auto message = error.is_object() ? string_member(error, "message") : std::string{};
    auto hint = error.is_object() ? string_member(error, "hint") : std::string{};
    if (message.empty()) message = fmt::format("tallyd answered with HTTP status {}", status);
    return Error{fault_of_status(status), message, std::move(hint)};
}

class DaemonClient::Handle {
public:
    Handle() : easy_(curl_easy_init()) {
        if (easy_ == nullptr) throw std::bad_alloc{};
    }
    ~Handle() { curl_easy_cleanup(easy_); }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    CURL* get() const noexcept { return easy_; }

private:
    CURL* easy_;
};

DaemonClient::DaemonClient(std::string socket) : socket_(std::move(socket)), handle_(std::make_unique<Handle>()) {}
DaemonClient::~DaemonClient() = default;

Json DaemonClient::request(const std::string& method, const std::string& path, const Secret& body,
                           std::string_view content_type) {
    auto json = Json::parse(perform(method, path, body, content_type), nullptr, false);
    if (!json.is_object())
        throw Error{Fault::internal,
                    fmt::format("tallyd answered {} {} with something that is no JSON object", method, path),
                    "Is another program listening on this socket?"};
    return json;
}

std::string DaemonClient::perform(const std::string& method, const std::string& path, const Secret& body,
                                  std::string_view content_type) {
    auto* easy = handle_->get();
    curl_easy_reset(easy);  // keeps the connection
    std::string answer;
    char detail[CURL_ERROR_SIZE] = "";
    const auto url = "http://tallyd" + path;
    const auto type = fmt::format("Content-Type: {}", content_type);
    std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers{curl_slist_append(nullptr, type.c_str()),
                                                                        curl_slist_free_all};
    // Without this curl waits a second for a "100 Continue" before larger bodies.
    if (headers) curl_slist_append(headers.get(), "Expect:");
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, socket_.c_str());
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout_.count()));
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, detail);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &receive);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &answer);
    if (!body.empty() || method == "POST" || method == "PUT") {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.reveal().size()));
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.reveal().data());
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method.c_str());

    if (const auto code = curl_easy_perform(easy); code != CURLE_OK) {
        long os_error = 0;
        curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_error);
        throw transport_error(code, os_error, socket_, detail);
    }
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200 || status > 299) throw api_error(static_cast<int>(status), answer);
    return answer;
}

}  // namespace tally::cli
