// SPDX-License-Identifier: Apache-2.0
// Snapchat's statistics of an ad account, whole or by campaign.
#include "hash.hpp"
#include "snapchat.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace sim {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr std::size_t kPage = 2;
constexpr std::size_t kLargestPage = 3;  ///< small, so that every reader has to page

enum class Granularity : std::uint8_t { day, hour, total, lifetime };

/// Attribution: parameter, what a refusal calls it, its values; the default is the first. The numbers are those of the
/// defaults, whatever is asked for.
struct Choice {
    std::string_view name, what;
    std::vector<std::string_view> values;
};
const std::array<Choice, 3> kWindows{
    {{"swipe_up_attribution_window", "Invalid SwipeUpAttributionWindow", {"28_DAY", "7_DAY", "1_DAY"}},
     {"view_attribution_window",
      "Invalid ViewAttributionWindow",
      {"1_DAY", "none", "1_HOUR", "3_HOUR", "6_HOUR", "7_DAY", "28_DAY"}},
     {"action_report_time", "Invalid ActionReportTime", {"conversion", "impression"}}}};

struct Ask {
    Granularity granularity = Granularity::total;
    std::string_view granularity_name = "TOTAL";
    Instant from, to;
    std::vector<const SnapchatField*> fields;
    std::string_view breakdown;
    bool omit_empty = true;
};

Reply unsupported(const Call& call, std::string_view what) {
    return snapchat_error(call, 400, "E1008", fmt::format("Unsupported Stats Query: {}", what));
}

Reply invalid(const Call& call, std::string_view what, std::string_view text) {
    return snapchat_error(call, 400, "", fmt::format("Invalid query parameters in request URL: [{}, {}]", what, text));
}

std::optional<Reply> read_form(const Call& call, Ask& ask) {
    const auto& query = call.request.query;
    ask.granularity_name = query.get("granularity", "TOTAL");
    if (ask.granularity_name == "DAY")
        ask.granularity = Granularity::day;
    else if (ask.granularity_name == "HOUR")
        ask.granularity = Granularity::hour;
    else if (ask.granularity_name == "LIFETIME")
        ask.granularity = Granularity::lifetime;
    else if (ask.granularity_name != "TOTAL")
        return invalid(call, "Invalid Granularity", ask.granularity_name);

    ask.breakdown = query.get("breakdown");
    if (ask.breakdown == "ad_squad") ask.breakdown = "adsquad";
    if (!ask.breakdown.empty() && ask.breakdown != "campaign" && ask.breakdown != "adsquad" && ask.breakdown != "ad")
        return invalid(call, "Invalid Breakdown", ask.breakdown);
    for (const std::string_view name : {"report_dimension", "position_stats", "platform_stats", "async"})
        if (query.find(name) != nullptr && !query.is(name, "false"))
            return unsupported(call, fmt::format("'{}' is not available for this ad account.", name));
    for (const auto& [name, what, values] : kWindows) {
        const auto value = query.get(name, values.front());
        if (std::find(values.begin(), values.end(), value) == values.end()) return invalid(call, what, value);
    }
    ask.omit_empty = !query.is("omit_empty", "false");

    for (const auto name : split_list(query.get("fields", "spend"))) {
        const auto* field = find_snapchat_field(name);
        if (field == nullptr || call.world.removed(Platform::snapchat, name))
            return unsupported(call, fmt::format("Field '{}' is not a known field.", name));
        if (field->reach && (ask.granularity == Granularity::hour || ask.granularity == Granularity::day))
            return unsupported(
                call, fmt::format("Field '{}' cannot be queried with {} granularity.", name, ask.granularity_name));
        ask.fields.push_back(field);
    }
    if (ask.breakdown.empty() &&
        std::any_of(ask.fields.begin(), ask.fields.end(), [](const auto* f) { return f->name != "spend"; }))
        return unsupported(call, "Only field 'spend' should be used when querying AdAccount stats.");
    return std::nullopt;
}

std::optional<Reply> read_days(const Call& call, const Account& account, const Ask& ask) {
    const auto first = day_of(account.zone, ask.from);
    const auto last = day_of(account.zone, ask.to);
    if (ask.from != midnight(account.zone, first))
        return unsupported(call,
                           "Timeseries queries with DAY granularity must have a start time that is the start of day "
                           "(00:00:00) for the account's timezone.");
    if (ask.to != midnight(account.zone, last))
        return unsupported(call,
                           "Timeseries queries with DAY granularity must have an end time that is the start of day "
                           "(00:00:00) for the account's timezone.");
    const auto days = (last - first).count();
    if (days > 32)
        return unsupported(call,
                           "Timeseries queries with DAY granularity cannot query time intervals of more than 32 days");
    if (days > 31) return snapchat_error(call, 400, "E3002", "The date range should be within 31 days");
    return std::nullopt;
}

std::optional<Reply> read_window(const Call& call, const Account& account, Ask& ask) {
    const auto& query = call.request.query;
    if (ask.granularity == Granularity::lifetime) {
        ask.from = midnight(account.zone, account.created);
        ask.to = snapchat_horizon(call.now);
        return std::nullopt;
    }
    const auto today = day_of(account.zone, call.now);
    ask.from = midnight(account.zone, today - date::days{6});
    ask.to = midnight(account.zone, today + date::days{1});
    for (const auto& [name, kind, into] : {std::tuple{"start_time", "Invalid StartDateTime", &ask.from},
                                           std::tuple{"end_time", "Invalid EndDateTime", &ask.to}}) {
        const auto* text = query.find(name);
        if (text == nullptr) continue;
        const auto at = parse_time(*text, account.zone);
        if (!at) return invalid(call, kind, *text);
        *into = *at;
    }
    if (ask.to <= ask.from) return unsupported(call, "End time should be after start time");
    const auto whole_hour = [&account](Instant at) {
        return account.zone->to_local(at).time_since_epoch().count() % 3600 == 0;
    };
    if (!whole_hour(ask.to)) return unsupported(call, "End time should end at the beginning of an hour");
    if (!whole_hour(ask.from) && ask.granularity != Granularity::day)
        return unsupported(call, "Start time should start at the beginning of an hour");
    if (ask.granularity == Granularity::hour && ask.to - ask.from > hours{7 * 24 + 1})
        return unsupported(call,
                           "Timeseries queries with HOUR granularity cannot query time intervals of more than 7 days");
    return ask.granularity == Granularity::day ? read_days(call, account, ask) : std::nullopt;
}

/// The numbers of one campaign, or of the account, inside [from, to); null if there is nothing to show.
Json stats_of(const Call& call, const Account& account, const Ask& ask, std::optional<std::size_t> campaign,
              Instant from, Instant to) {
    Json stats = Json::object();
    bool empty = true;
    for (const auto* field : ask.fields) {
        if (snapchat_too_early(account, *field, day_of(account.zone, to - seconds{1}), call.now)) continue;
        if (field->kind == SnapchatKind::ratio) {
            const auto draw =
                day_key(mix(account.key, hash_text(field->name) + campaign.value_or(0)), day_of(account.zone, from));
            stats[field->name] = static_cast<double>(1 + draw % 900'000) / 1'000'000;
            continue;
        }
        std::int64_t number = 0;
        for (std::size_t i = campaign.value_or(0); i < (campaign ? *campaign + 1 : snapchat_campaigns(account)); ++i)
            number += snapchat_amount(call.world, account, *field, i, from, to, call.now);
        empty = empty && number == 0;
        stats[field->name] = number;
    }
    return empty && ask.omit_empty ? Json{} : stats;
}

class Writer {
public:
    Writer(const Call& call, const Account& account, const Ask& ask)
        : call_{call}, account_{account}, ask_{ask}, colon_{mix(account.key, hash_text("colon")) % 4 != 0} {}

    bool series() const { return ask_.granularity == Granularity::day || ask_.granularity == Granularity::hour; }

    Json header(std::string_view id, std::string_view type) const {
        Json out{{"id", id}, {"type", type}, {"granularity", ask_.granularity_name}};
        if (type == "AD_ACCOUNT")
            for (const auto& [name, what, values] : kWindows)
                if (name != "action_report_time")
                    out[std::string{name}] = call_.request.query.get(name, values.front());
        if (ask_.granularity == Granularity::lifetime) return out;
        out["start_time"] = stamp(ask_.from);
        out["end_time"] = stamp(ask_.to);
        return out;
    }

    void add_finality(Json& out) const {
        // Some accounts get an instant that is no local midnight.
        const auto limit = call_.now - hours{48};
        const auto hour = Instant{date::floor<hours>(limit.time_since_epoch())};
        const auto day = midnight(account_.zone, day_of(account_.zone, limit));
        const auto text = mix(account_.key, hash_text("finalized")) % 4 == 0 ? render_utc_time(hour, true) : stamp(day);
        out["finalized_data_end_time"] = text;
        out["conversion_data_processed_end_time"] =
            stamp(midnight(account_.zone, day_of(account_.zone, call_.now - hours{28 * 24})));
    }

    void add_numbers(Json& out, std::optional<std::size_t> campaign) const {
        if (!series()) {
            auto stats = stats_of(call_, account_, ask_, campaign, ask_.from, ask_.to);
            out["stats"] = stats.is_null() ? Json::object() : std::move(stats);
            return;
        }
        Json rows = Json::array();
        for (auto from = ask_.from; from < ask_.to;) {
            const auto to = ask_.granularity == Granularity::hour
                                ? from + hours{1}
                                : midnight(account_.zone, day_of(account_.zone, from) + date::days{1});
            if (snapchat_visible(account_, day_of(account_.zone, from), call_.now) &&
                from < snapchat_horizon(call_.now)) {
                auto stats = stats_of(call_, account_, ask_, campaign, from, to);
                if (!stats.is_null())
                    rows.push_back({{"start_time", stamp(from)}, {"end_time", stamp(to)}, {"stats", std::move(stats)}});
            }
            from = to;
        }
        out["timeseries"] = std::move(rows);
    }

private:
    std::string stamp(Instant at) const { return render_local_time(account_.zone, at, colon_); }

    const Call& call_;
    const Account& account_;
    const Ask& ask_;
    bool colon_;
};

/// The cursor is the number of children already given, made opaque.
std::uint64_t veil(const Account& account) {
    return mix(account.key, hash_text("cursor")) & 0xffff'ffffU;
}

std::optional<std::size_t> read_cursor(const Query& query, const Account& account) {
    const auto* text = query.find("cursor");
    if (text == nullptr) return 0;
    std::uint64_t number = 0;
    const auto [stop, error] = std::from_chars(text->data(), text->data() + text->size(), number, 16);
    const auto offset = number ^ veil(account);
    if (error != std::errc{} || stop != text->data() + text->size() || offset == 0 ||
        offset >= snapchat_campaigns(account))
        return std::nullopt;
    return offset;
}

}  // namespace

Reply answer_snapchat_stats(const Call& call, const Account& account) {
    const auto& query = call.request.query;
    Ask ask;
    if (auto error = read_form(call, ask)) return *error;
    if (auto error = read_window(call, account, ask)) return *error;
    const auto cursor = read_cursor(query, account);
    if (!cursor) return invalid(call, "Invalid Cursor", query.get("cursor"));
    auto page = kPage;
    if (const auto* text = query.find("limit")) {
        const auto limit = parse_integer(*text);
        if (!limit || *limit < 1) return invalid(call, "Invalid Limit", *text);
        page = std::min(static_cast<std::size_t>(*limit), kLargestPage);
    }

    const Writer writer{call, account, ask};
    auto stat = writer.header(account.id, "AD_ACCOUNT");
    writer.add_finality(stat);
    Json paging = Json::object();
    if (ask.breakdown.empty()) {
        writer.add_numbers(stat, std::nullopt);
    } else {
        Json children = Json::array();
        const auto end = std::min(*cursor + page, snapchat_campaigns(account));
        for (auto i = *cursor; i < end; ++i) {
            const auto* const type = ask.breakdown == "campaign"  ? "CAMPAIGN"
                                     : ask.breakdown == "adsquad" ? "AD_SQUAD"
                                                                  : "AD";
            auto child = writer.header(make_uuid(mix(mix(account.key, hash_text(type)), i)), type);
            writer.add_numbers(child, i);
            const bool shown = !ask.omit_empty || !writer.series() || !child["timeseries"].empty();
            if (shown) children.push_back(std::move(child));
        }
        if (end < snapchat_campaigns(account))
            paging["next_link"] = fmt::format("{}{}?cursor={:08x}&{}", call.link_base("adsapi.snapchat.com"),
                                              call.request.raw_path(), end ^ veil(account), query.render({"cursor"}));
        stat["breakdown_stats"] = {{ask.breakdown, std::move(children)}};
    }

    const std::string kind = writer.series()                         ? "timeseries"
                             : ask.granularity == Granularity::total ? "total"
                                                                     : "lifetime";
    const auto* const status = mix(account.key, hash_text("case")) % 3 == 0 ? "success" : "SUCCESS";
    Json body{{"request_status", status}, {"request_id", snapchat_request_id(call)}};
    if (!ask.breakdown.empty()) body["paging"] = std::move(paging);
    body[kind + "_stats"] = Json::array({Json{{"sub_request_status", status}, {kind + "_stat", std::move(stat)}}});
    return json_reply(200, body);
}

}  // namespace sim
