// SPDX-License-Identifier: Apache-2.0
// What a login and its app change about ordinary requests: the proof, the client's id, the host.
#include <doctest/doctest.h>

#include "daemon/platform/request.hpp"
#include "tests/daemon/platform/login_fixtures.hpp"

using namespace tally;
using namespace tally::platform;
using namespace tally::platform::test;

namespace {

constexpr const char* kProofOfOwn = "appsecret_proof=";

Target with_app(std::map<std::string, std::string> attributes = {}) {
    auto who = target("42", std::move(attributes));
    who.access_token = Secret{"token"};
    who.app = {.client_id = "app-1", .client_secret = Secret{"secret"}};
    return who;
}

HttpRequest profile(std::string_view platform, const Target& who, std::string_view request = "profile") {
    return render(shipped(platform), who, task(platform, request));
}

std::string header(const HttpRequest& request, std::string_view name) {
    for (const auto& [known, value] : request.headers) {
        if (known == name) return value.reveal();
    }
    return {};
}

}  // namespace

TEST_CASE("the proof goes along where an app secret is known, apart from the URL that is logged") {
    const auto request = profile("instagram", with_app());
    CHECK(request.secret_query.reveal() ==
          "appsecret_proof=e941110e3d2bfe82621f0e3e1434730d7305d106c5f68c87165d0b27a4611a4a");
    CHECK(request.url.find("proof") == std::string::npos);
    CHECK(full_url(request).reveal() == request.url + "&" + request.secret_query.reveal());
    auto without_secret = with_app();
    without_secret.app.client_secret = Secret{};
    CHECK(profile("instagram", without_secret).secret_query.empty());
    CHECK(profile("youtube", with_app(), "channel").secret_query.empty());
}

TEST_CASE("the proof is made of the very token that the request carries") {
    auto who = with_app();
    who.derived_tokens["page"] = Secret{"page-token"};
    const auto request = profile("facebook", who);
    CHECK(header(request, "Authorization") == "Bearer page-token");
    CHECK(request.secret_query.reveal() == kProofOfOwn + keyed_hash(Secret{"secret"}, Secret{"page-token"}));
    const auto lookup = render_lookup(shipped("facebook"), who, shipped("facebook").lookups.front());
    CHECK(lookup.secret_query.reveal() == kProofOfOwn + keyed_hash(Secret{"secret"}, Secret{"token"}));
}

TEST_CASE("further pages carry one proof, not the link's old one too") {
    auto platform = shipped("instagram");
    auto& request = platform.requests.front();
    request.paging = {.kind = Paging::Kind::link, .next = {}, .query = {}};
    const Task more{.request = &request, .days = {}, .metrics = request.metrics};
    const auto page = render_page(platform, with_app(), more,
                                  "https://graph.facebook.com/v25.0/42?after=a&appsecret_proof=old&access_token=t");
    CHECK(page.url == "https://graph.facebook.com/v25.0/42?after=a");
    CHECK(page.secret_query.reveal().starts_with(kProofOfOwn));
}

TEST_CASE("Instagram Login asks its own host and takes no proof, by the attribute login or app") {
    for (const auto* attribute : {"login", "app"}) {
        const auto request = profile("instagram", with_app({{attribute, "instagram_login"}}));
        CHECK(request.url.starts_with("https://graph.instagram.com/v25.0/42?"));
        CHECK(request.secret_query.empty());
    }
    CHECK(profile("instagram", with_app({{"login", "facebook_login"}})).url.starts_with("https://graph.facebook.com/"));
    // A simulator's address goes before everything.
    auto simulated = with_app({{"login", "instagram_login"}});
    simulated.base_url = "http://127.0.0.1:9000";
    CHECK(profile("instagram", simulated).url.starts_with("http://127.0.0.1:9000/v25.0/42?"));
}

TEST_CASE("a login's host takes the place of the API's only, not of a request's own") {
    auto platform = shipped("youtube");
    platform.auth.logins.front().base_url = "https://other.example";
    CHECK(render(platform, with_app(), task("youtube", "channel")).url.starts_with("https://www.googleapis.com/"));
    const auto& daily = *platform.find_request("daily");
    const Task task{.request = &daily, .days = from_to("2026-11-16", "2026-11-16"), .metrics = daily.metrics};
    CHECK(render(platform, with_app(), task).url.starts_with("https://other.example/v2/reports?"));
}

TEST_CASE("links to further pages are followed to the login's host") {
    auto platform = shipped("instagram");
    auto& request = platform.requests.front();
    request.paging = {.kind = Paging::Kind::link, .next = {}, .query = {}};
    const Task more{.request = &request, .days = {}, .metrics = request.metrics};
    CHECK(render_page(platform, with_app({{"login", "instagram_login"}}), more,
                      "https://graph.instagram.com/v25.0/42?after=a")
              .url == "https://graph.instagram.com/v25.0/42?after=a");
}

TEST_CASE("Twitch wants the client's id with every request; without one the header stays away") {
    CHECK(header(profile("twitch", with_app(), "followers"), "Client-Id") == "app-1");
    CHECK(header(render_lookup(shipped("twitch"), with_app(), shipped("twitch").lookups.front()), "Client-Id") ==
          "app-1");
    auto unknown = with_app();
    unknown.app = {};
    CHECK(profile("twitch", unknown, "followers").headers.size() == 1);
    auto platform = shipped("twitch");
    platform.auth.headers.emplace_back("X-Version", "3");
    CHECK(header(render(platform, unknown, task("twitch", "followers")), "X-Version") == "3");
}

TEST_CASE("a full URL has its first secret after a question mark") {
    HttpRequest request{.url = "https://x.example/a", .secret_query = {}, .body = {}, .headers = {}, .name = {}};
    CHECK(full_url(request).reveal() == "https://x.example/a");
    request.secret_query = Secret{"t=1"};
    CHECK(full_url(request).reveal() == "https://x.example/a?t=1");
}
