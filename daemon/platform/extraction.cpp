// SPDX-License-Identifier: Apache-2.0
// Accumulates pages, dates and names the numbers and tells what is known of each day afterwards.
#include "daemon/platform/extraction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "common/ascii.hpp"
#include "common/error.hpp"
#include "common/json_string.hpp"
#include "daemon/platform/request.hpp"

namespace tally::platform {

namespace {

constexpr std::size_t kLongestName = 200;

/// "views.media_product_type.reel"; nullopt when a value cannot be a part of a name.
std::optional<std::string> full_name(const Row& row) {
    auto name = row.metric;
    for (const auto& [dimension, value] : row.dimensions)
        name += "." + ascii::lower(dimension) + "." + ascii::lower(value);
    if (!row.key.empty()) name += "." + ascii::lower(row.key);
    const bool printable = std::none_of(name.begin(), name.end(), ascii::is_control);
    return printable && name.size() <= kLongestName ? std::optional{std::move(name)} : std::nullopt;
}

std::string attribute(const Target& target, const std::string& name) {
    const auto found = target.attributes.find(name);
    return found == target.attributes.end() ? std::string{} : found->second;
}

/// Members in the order of their names, the last of each name, as jsonb has them too.
class JsonObject {
public:
    void add(std::string name, std::string_view text) {
        std::string json;
        append_json_string(json, text);
        add_json(std::move(name), std::move(json));
    }
    void add_json(std::string name, std::string json) {
        const auto place = std::lower_bound(members_.begin(), members_.end(), name,
                                            [](const auto& member, const auto& key) { return member.first < key; });
        if (place != members_.end() && place->first == name)
            place->second = std::move(json);
        else
            members_.emplace(place, std::move(name), std::move(json));
    }
    std::string text() const {
        std::string text{'{'};
        for (const auto& [name, json] : members_) {
            if (text.size() > 1) text += ',';
            append_json_string(text, name);
            text += ':';
            text += json;
        }
        return text += '}';
    }

private:
    std::vector<std::pair<std::string, std::string>> members_;
};

}  // namespace

Extraction::Extraction(const Platform& platform, const Target& target, const Task& task, Instant fetched_at)
    : platform_(platform),
      task_(task),
      zone_(day_zone(platform, target)),
      fetched_at_(fetched_at),
      currency_(attribute(target, "currency")),
      today_(zone_.day_of(fetched_at)) {}

void Extraction::add_page(const std::string& body) {
    add_answer(nlohmann::json::parse(body, nullptr, false));
}

void Extraction::add_answer(const nlohmann::json& answer) {
    const auto& request = *task_.request;
    if (!answer.is_object())
        throw Error(Fault::failed,
                    fmt::format("{}.{}: unexpected answer: no JSON object", platform_.name, request.name));
    auto rows = read_rows(platform_, zone_, request, task_.metrics, answer);
    if (request.rows.shape == Rows::Shape::count) {
        // A list changes while it is paged: an item that comes twice is one.
        for (auto& row : rows) counted_.insert(std::move(row.key));
    } else {
        for (auto& row : rows) add(std::move(row));
    }
    ++pages_;
    next_.reset();
    if (request.paging.kind == Paging::Kind::none) return;
    const auto* next = request.paging.next.first(answer);
    if (next == nullptr || next->is_null()) return;
    next_ = scalar_text(*next);
    if (!next_)
        throw Error(Fault::failed, fmt::format("{}.{}: unexpected answer: '{}' is no text", platform_.name,
                                               request.name, request.paging.next.text()));
    if (next_->empty()) return next_.reset();
    next_repeats_ = !seen_next_.insert(*next_).second;
}

std::optional<std::string> Extraction::next_page() const {
    if (!next_) return std::nullopt;
    if (next_repeats_)
        throw Error(Fault::failed, fmt::format("{}.{}: the pages of the answer go round in a circle", platform_.name,
                                               task_.request->name));
    if (pages_ >= task_.request->paging.max_pages)
        throw Error(
            Fault::failed,
            fmt::format("{}.{}: the answer has more than {} pages", platform_.name, task_.request->name, pages_),
            "Raise paging.max_pages in the platform file if the account really is that large.");
    return next_;
}

void Extraction::add(Row row) {
    const auto& metric = *platform_.find_metric(row.metric);
    if (!row.value) {
        if (!metric.optional) ++missing_;
        return;
    }
    const auto day = row.day ? *row.day : task_.days ? task_.days->first : today_;
    if (task_.days && (day < task_.days->first || day > task_.days->last)) return;
    auto name = full_name(row);
    if (!name) {
        ++missing_;
        return;
    }
    // Two answers for one number: parts of a sum, or the later one is right.
    const auto [entry, is_new] = numbers_.try_emplace({*std::move(name), day});
    row.day = day;
    if (is_new || !task_.request->rows.sum) {
        entry->second = {.value = *row.value, .metadata = metadata(row, metric)};
    } else {
        entry->second.value += *row.value;
    }
}

bool Extraction::is_final(Day day) const {
    return task_.days && fetched_at_ >= zone_.end_of(day) + task_.request->final_after;
}

std::string Extraction::metadata(const Row& row, const Metric& metric) {
    static const std::string kNone;
    const bool is_money = metric.unit == "micro_currency" || metric.unit == "currency";
    const auto& currency = !is_money                  ? kNone
                           : !row.currency.empty()    ? row.currency
                           : !metric.currency.empty() ? metric.currency
                                                      : currency_;
    if (!row.dimensions.empty() || !row.key.empty()) return render_metadata(row, metric, currency);
    auto& shared = shared_metadata_[{*row.day, metric.unit, currency, row.stamp}];
    if (shared.empty()) shared = render_metadata(row, metric, currency);
    return shared;
}

/// A number that is not final carries nothing that changes with time but `fetched_at`: asking again must not look like
/// a change.
std::string Extraction::render_metadata(const Row& row, const Metric& metric, const std::string& currency) const {
    const auto& request = *task_.request;
    const bool is_now = !task_.days;
    JsonObject object;
    object.add("api", request.name);
    object.add("period", is_now ? "now" : "day");
    object.add("unit", metric.unit);
    object.add_json("final", is_final(*row.day) ? "true" : "false");
    object.add("fetched_at", render_instant(fetched_at_));
    if (!request.endpoint.version.empty()) object.add("api_version", request.endpoint.version);
    if (!currency.empty()) object.add("currency", currency);
    if (!platform_.day.zone) object.add("zone", zone_.name());
    for (const auto& [dimension, value] : row.dimensions) object.add(ascii::lower(dimension), value);
    if (!row.key.empty()) object.add("key", row.key);
    if (!row.stamp.empty()) object.add("end_time", row.stamp);
    for (const auto& [name, value] : request.metadata) object.add(name, value);
    if (request.rows.shape == Rows::Shape::totals && !is_now) {
        const auto window = bounds(platform_, zone_, request, *task_.days);
        object.add_json("window",
                        fmt::format(R"(["{}","{}"])", render_instant(window.start), render_instant(window.end)));
    }
    if (is_now) object.add("final_at", render_instant(zone_.end_of(*row.day)));
    return object.text();
}

Extraction::Result Extraction::finish() {
    if (pages_ == 0 || next_)
        throw Error(Fault::failed,
                    fmt::format("{}.{}: the answer is not complete", platform_.name, task_.request->name));
    const auto& rows = task_.request->rows;
    if (rows.below > 0 && counted_.size() >= rows.below)
        throw Error(Fault::failed, fmt::format("{}.{}: the list has {} items and may have been cut", platform_.name,
                                               task_.request->name, counted_.size()));
    if (rows.shape == Rows::Shape::count)
        add({.metric = task_.metrics.front(),
             .dimensions = {},
             .key = {},
             .day = {},
             .stamp = {},
             .currency = {},
             .value = static_cast<double>(counted_.size())});
    Result result;
    if (!task_.days) {
        result.days[today_] = {.state = numbers_.empty() ? DayState::pending : DayState::final,
                               .asked_at = fetched_at_};
    } else {
        for (auto day = task_.days->first; day <= task_.days->last; day += std::chrono::days{1})
            result.days[day] = {.state = is_final(day) ? DayState::empty : DayState::pending, .asked_at = fetched_at_};
    }
    for (auto& [key, number] : numbers_) {
        const auto& [name, day] = key;
        if (!std::isfinite(number.value))
            throw Error(Fault::failed,
                        fmt::format("{}.{}: the sum of '{}' is too large", platform_.name, task_.request->name, name));
        if (task_.days) result.days[day].state = is_final(day) ? DayState::final : DayState::provisional;
        const auto& compare = task_.request->compare;
        const bool only_compared = std::find(compare.begin(), compare.end(), name) != compare.end();
        (only_compared ? result.compared : result.samples)
            .push_back({.metric = name, .day = day, .value = number.value, .metadata = std::move(number.metadata)});
    }
    result.missing_values = missing_;
    numbers_.clear();
    return result;
}

DayMap refuse(const Task& task, const TimeZone& zone, Instant asked_at) {
    DayMap days;
    if (!task.days) return {{zone.day_of(asked_at), {.state = DayState::refused, .asked_at = asked_at}}};
    for (auto day = task.days->first; day <= task.days->last; day += std::chrono::days{1})
        days[day] = {.state = DayState::refused, .asked_at = asked_at};
    return days;
}

}  // namespace tally::platform
