// SPDX-License-Identifier: Apache-2.0
// appsecret_proof, and the version that Graph says it served.
#include "proof.hpp"
#include "test_client.hpp"

#include <doctest/doctest.h>

using namespace sim;

namespace {

const std::string kPage = "sim.facebook.9";
const std::string kProfile = "/v25.0/9?fields=name";

std::string proven(const std::string& target, const std::string& token, std::string_view secret = "sim-secret") {
    return target + (target.find('?') == std::string::npos ? "?" : "&") +
           "appsecret_proof=" + make_proof(secret, token);
}

Json error_of(const Reply& reply) {
    return Json::parse(reply.body).value("error", Json::object());
}

}  // namespace

TEST_CASE("a proof is the lower-case hex of HMAC-SHA256") {
    CHECK(make_proof("secret", "token") == "e941110e3d2bfe82621f0e3e1434730d7305d106c5f68c87165d0b27a4611a4a");
}

TEST_CASE("a wrong proof is refused even if none is required") {
    TestClient client;
    CHECK(client.get(kProfile, kPage).status == 200);
    CHECK(client.get(proven(kProfile, kPage), kPage).status == 200);
    CHECK(client.get(proven("/v25.0/9?fields=name&access_token=" + kPage, kPage)).status == 200);
    // Of another secret, of another token, or nothing at all.
    for (const auto& target :
         {proven(kProfile, kPage, "other"), proven(kProfile, "simuser.facebook.9"), kProfile + "&appsecret_proof="}) {
        const auto reply = client.get(target, kPage);
        CAPTURE(target);
        CHECK(reply.status == 400);
        CHECK(error_of(reply)["code"] == 100);
        CHECK(error_of(reply)["type"] == "GraphMethodException");
        CHECK(error_of(reply)["message"] == "Invalid appsecret_proof provided in the API argument");
        CHECK(*reply.find("facebook-api-version") == "v25.0");
    }
}

TEST_CASE("a required proof must be there, but not for Instagram Login, other platforms and dead tokens") {
    TestClient client;
    client.post("/_sim/require-proof", {{"on", true}});
    for (const auto& [target, token] : {std::pair{kProfile, kPage}, std::pair{std::string{"/v25.0/1784?fields=name"},
                                                                              std::string{"sim.instagram.1784"}}}) {
        const auto refused = client.get(target, token);
        CHECK(refused.status == 400);
        CHECK(error_of(refused)["code"] == 100);
        CHECK(error_of(refused)["type"] == "GraphMethodException");
        CHECK(error_of(refused)["message"] == "(#100) API calls from the server require an appsecret_proof argument");
        CHECK(client.get(proven(target, token), token).status == 200);
    }
    CHECK(error_of(client.get("/v25.0/9", "expired.facebook.9"))["code"] == 190);
    CHECK(error_of(client.get("/v25.0/9"))["code"] == 2500);
    CHECK(client.get("/v1/me", "sim.snapchat.a").status == 200);
    client.host = "graph.instagram.com";
    CHECK(client.get("/v25.0/1784?fields=name", "sim.instagram.1784").status == 200);
    client.host = "graph.facebook.com";
    CHECK(client.get("/v25.0/me?fields=name", kPage).status == 400);
    client.post("/_sim/require-proof", {{"on", false}});
    CHECK(client.get(kProfile, kPage).status == 200);
    client.post("/_sim/require-proof", {{"on", true}});
    client.post("/_sim/reset", Json::object());
    CHECK(client.get(kProfile, kPage).status == 200);
    client.post("/_sim/require-proof", {{"on", "yes"}}, 400);
    client.post("/_sim/require-proof", Json::object(), 400);
}

TEST_CASE("a commanded version is in every Graph answer") {
    TestClient client;
    const auto version = [&client](const std::string& target, const std::string& token) {
        const auto reply = client.get(target, token);
        const auto* found = reply.find("facebook-api-version");
        return found != nullptr ? *found : std::string{"none"};
    };
    CHECK(version(kProfile, kPage) == "v25.0");
    client.post("/_sim/served-version", {{"version", "v23.0"}});
    CHECK(version(kProfile, kPage) == "v23.0");
    CHECK(version("/v25.0/1784?fields=nothing", "sim.instagram.1784") == "v23.0");
    CHECK(version("/v99.0/9", kPage) == "v23.0");
    CHECK(version("/v1/me", "sim.snapchat.a") == "none");
    client.post("/_sim/fault", {{"kind", "status"}, {"count", 1}});
    CHECK(version(kProfile, kPage) == "v23.0");
    client.post("/_sim/fault", {{"kind", "wrong_version"}, {"count", 1}});
    CHECK(version(kProfile, kPage) == "v21.0");
    client.post("/_sim/served-version", {{"version", ""}});
    CHECK(version(kProfile, kPage) == "v25.0");
    client.post("/_sim/served-version", {{"version", "25"}}, 400);
    client.post("/_sim/served-version", Json::object(), 400);
}

TEST_CASE("a proof is made with the secret of the token's own app") {
    TestClient client;
    client.post("/_sim/require-proof", {{"on", true}});
    client.post("/_sim/app", {{"client_id", "other"}, {"secret", "other-secret"}});
    client.post("/_sim/app", {{"client_id", "public"}});
    const auto grant = [&client](const std::string& app, const std::string& platform, const std::string& login) {
        const auto granted = client.post(
            "/_sim/grant", {{"platform", platform}, {"account", "9"}, {"client_id", app}, {"login", login}});
        return granted["access_token"].get<std::string>();
    };
    const auto other = grant("other", "facebook", "page");
    CHECK(client.get(proven(kProfile, other, "other-secret"), other).status == 200);
    CHECK(client.get(proven(kProfile, other), other).status == 400);
    const auto open = grant("public", "facebook", "page");
    CHECK(client.get(proven(kProfile, open, ""), open).status == 400);

    const std::string pages = "/v25.0/me/accounts?fields=id";
    const auto person = grant("sim-app", "instagram", "facebook_login");
    CHECK(client.get(pages, person).status == 400);
    CHECK(client.get(proven(pages, person), person).status == 200);
    const auto direct = grant("sim-app", "instagram", "instagram_login");
    CHECK(client.get(kProfile, direct).status == 200);
    client.now += std::chrono::hours{24};
    CHECK(client.get("/refresh_access_token?grant_type=ig_refresh_token&access_token=" + direct).status == 200);
}
