// SPDX-License-Identifier: Apache-2.0
// The true numbers of Snapchat ad accounts: those of their campaigns, per local day.
#include "hash.hpp"
#include "snapchat.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

namespace sim {
namespace {

using enum SnapchatKind;
using std::chrono::seconds;

constexpr std::int64_t kAttributionDays = 28;

std::map<std::string, SnapchatField, std::less<>> make_fields() {
    std::map<std::string, SnapchatField, std::less<>> fields;
    const auto put = [&fields](std::string name, double rate, SnapchatKind kind = additive, bool late = false) {
        fields.emplace(name, SnapchatField{name, rate, kind, late, false, false});
    };
    const auto put_conversion = [&fields](const std::string& name, double rate, double value_rate) {
        fields.emplace(name, SnapchatField{name, rate, additive, false, false, true});
        fields.emplace(name + "_value", SnapchatField{name + "_value", value_rate, additive, false, false, true});
    };
    put("impressions", 0.5), put("swipes", 0.006), put("spend", 2000), put("paid_impressions", 0.48);
    put("earned_impressions", 0.02), put("total_impressions", 0.52), put("video_views", 0.2);
    put("video_views_time_based", 0.19), put("video_views_5s", 0.1), put("video_views_15s", 0.05);
    put("engaged_views", 0.07), put("quartile_1", 0.12), put("quartile_2", 0.08), put("quartile_3", 0.06);
    put("view_completion", 0.045), put("view_time_millis", 900), put("screen_time_millis", 1100);
    put("play_time_millis", 800), put("shares", 0.0006), put("saves", 0.0004), put("profile_clicks", 0.0008);
    put("story_opens", 0.002, additive, true), put("story_completes", 0.001, additive, true);
    put("landing_page_views", 0.003), put("native_leads", 0.0001), put("reminders_set", 0.00005);
    put("attachment_video_views", 0.001), put("attachment_quartile_1", 0.0008), put("attachment_quartile_2", 0.0006);
    put("attachment_quartile_3", 0.0005), put("attachment_view_completion", 0.0004);
    put("attachment_total_view_time_millis", 4), put("total_installs", 0.0004), put("android_installs", 0.0002);
    put("ios_installs", 0.0002), put("viewable_impressions", 0.4), put("non_viewable_impressions", 0.08);
    put("measured_impressions", 0.48), put("gross_impressions", 0.51), put("coupon_used_local", 0.0001);
    put("coupon_used_usd", 0.0001);
    for (const char* name :
         {"uniques", "frequency", "attachment_uniques", "attachment_frequency", "total_reach", "earned_reach"}) {
        const std::string_view text{name};
        fields.emplace(name, SnapchatField{name, 0.3, text.ends_with("frequency") ? ratio : people,
                                           text == "uniques" || text == "frequency", true, false});
    }
    for (const char* name : {"swipe_up_percent", "avg_view_time_millis", "attachment_avg_view_time_millis",
                             "viewable_rate", "ecpm", "ecpsu"})
        put(name, 0, ratio);
    put("avg_screen_time_millis", 0, ratio, true);
    for (const char* event :
         {"purchases",       "save",          "start_checkout", "add_cart",        "view_content",
          "add_billing",     "sign_ups",      "searches",       "level_completes", "app_opens",
          "page_views",      "subscribe",     "ad_click",       "ad_view",         "complete_tutorial",
          "invite",          "login",         "share",          "reserve",         "achievement_unlocked",
          "add_to_wishlist", "spend_credits", "rate",           "start_trial",     "list_view"}) {
        put_conversion(std::string{"conversion_"} + event, 0.0003, 6000);
    }
    for (int i = 1; i <= 5; ++i) put_conversion("custom_event_" + std::to_string(i), 0.0001, 1000);
    return fields;
}

double share(const Account& account, std::size_t campaign) {
    const auto weight = [&account](std::size_t i) { return 1 + static_cast<double>(mix(account.key, i + 200) % 4); };
    double sum = 0;
    for (std::size_t i = 0; i < snapchat_campaigns(account); ++i) sum += weight(i);
    return weight(campaign) / sum;
}

/// What the platform knows of a day's conversions by now: three fifths at the day's end, and a seventieth more each day
/// of the attribution window.
std::int64_t attributed(const Account& account, std::int64_t total, Day day, Instant now) {
    const auto end = midnight(account.zone, day + date::days{1});
    const auto passed = std::clamp<std::int64_t>((now - end) / std::chrono::hours{24}, 0, kAttributionDays);
    return total * (42 + passed) / (42 + kAttributionDays);
}

/// A campaign's truth of a whole day, as far as it can be known at `now`. The first campaign runs every day, so that no
/// day of an account is empty.
std::int64_t whole_day(const World& world, const Account& account, const SnapchatField& field, std::size_t campaign,
                       Day day, Instant now) {
    std::int64_t total = 0;
    if (campaign == 0 || mix(day_key(account.key, day), campaign + 300) % 10 != 0) {
        auto advertiser = account;
        advertiser.audience = std::max(account.audience, 500.0);
        total = value(world, advertiser, field.name + "/" + std::to_string(campaign),
                      field.rate * share(account, campaign), day);
    }
    if (field.conversion) total = attributed(account, total, day, now);
    if (campaign == 0) total += world.added(account, field.name, day);
    return std::max<std::int64_t>(0, total);
}

}  // namespace

const std::map<std::string, SnapchatField, std::less<>>& snapchat_fields() {
    static const auto kFields = make_fields();
    return kFields;
}

const SnapchatField* find_snapchat_field(std::string_view name) {
    const auto found = snapchat_fields().find(name);
    return found == snapchat_fields().end() ? nullptr : &found->second;
}

std::size_t snapchat_campaigns(const Account& account) {
    return 2 + mix(account.key, hash_text("campaigns")) % 4;
}

Instant snapchat_horizon(Instant now) {
    return Instant{date::floor<std::chrono::duration<std::int64_t, std::ratio<900>>>(now.time_since_epoch())};
}

bool snapchat_visible(const Account& account, Day day, Instant now) {
    return day >= account.created && midnight(account.zone, day) < snapchat_horizon(now);
}

bool snapchat_too_early(const Account& account, const SnapchatField& field, Day day, Instant now) {
    return field.late && day >= day_of(account.zone, now) - date::days{1};
}

std::int64_t snapchat_amount(const World& world, const Account& account, const SnapchatField& field,
                             std::size_t campaign, Instant from, Instant to, Instant now) {
    const auto end = std::min(to, snapchat_horizon(now));
    std::int64_t sum = 0;
    for (auto day = std::max(account.created, day_of(account.zone, from)); midnight(account.zone, day) < end;
         day += date::days{1}) {
        const auto start = midnight(account.zone, day);
        const auto length = midnight(account.zone, day + date::days{1}) - start;
        const auto total = published(whole_day(world, account, field, campaign, day, now), stage(account, day, now));
        sum += running(total, end - start, length) - running(total, std::max(from, start) - start, length);
    }
    return sum;
}

std::int64_t snapchat_day(const World& world, const Account& account, const SnapchatField& field, Day day,
                          Instant now) {
    const auto from = midnight(account.zone, day);
    const auto to = midnight(account.zone, day + date::days{1});
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < snapchat_campaigns(account); ++i)
        sum += snapchat_amount(world, account, field, i, from, to, now);
    return sum;
}

}  // namespace sim
