// SPDX-License-Identifier: Apache-2.0
// The platform files that come with the program: they load, and each can do what it promises.
#include <doctest/doctest.h>

#include <algorithm>

#include "daemon/platform/catalog.hpp"
#include "daemon/platform/request.hpp"

using namespace tally;
using namespace tally::platform;

namespace {

Catalog shipped() {
    return Catalog::load({TALLY_SOURCE_DIR "/etc/platforms"});
}

}  // namespace

TEST_CASE("the shipped platform files load") {
    const auto catalog = shipped();
    for (const auto* name : {"facebook", "instagram", "snapchat", "snapchat_profile", "twitch", "youtube"}) {
        CAPTURE(name);
        const auto platform = catalog.find(name);
        REQUIRE(platform);
        CHECK(platform->name == name);
        CHECK_FALSE(platform->requests.empty());
        CHECK_FALSE(platform->errors.rules.empty());
    }
    CHECK(catalog.find("myspace") == nullptr);
    CHECK(catalog.find("snapchat")->source == "ads");
    CHECK(catalog.find("instagram")->source == "social_media");
}

TEST_CASE("every metric is declared once and asked for, and no request goes over plain HTTP") {
    for (const auto& platform : shipped().all()) {
        for (const auto& metric : platform->metrics) {
            CAPTURE(metric.name);
            bool asked = false;
            for (const auto& request : platform->requests)
                asked = asked ||
                        std::find(request.metrics.begin(), request.metrics.end(), metric.name) != request.metrics.end();
            CHECK(asked);
        }
        for (const auto& request : platform->requests) CHECK(request.endpoint.base_url.starts_with("https://"));
    }
}

TEST_CASE("unique and rated numbers are never additive") {
    const auto catalog = shipped();
    CHECK_FALSE(catalog.find("instagram")->find_metric("reach")->additive);
    CHECK_FALSE(catalog.find("facebook")->find_metric("page_follows")->additive);
    CHECK_FALSE(catalog.find("facebook")->find_metric("page_total_media_view_unique")->additive);
    CHECK_FALSE(catalog.find("youtube")->find_metric("averageViewDuration")->additive);
    CHECK(catalog.find("snapchat")->find_metric("impressions")->additive);
}
