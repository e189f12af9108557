// SPDX-License-Identifier: Apache-2.0
// One reader for each shape of answer.
#include "daemon/platform/row_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "common/error.hpp"

namespace tally::platform {

namespace {

using nlohmann::json;

/// What a Graph answer puts in front of the dimensions that were asked for; it says nothing about the number.
constexpr std::string_view kTimeframe = "timeframe";

class Reader {
public:
    Reader(const Platform& platform, const TimeZone& zone, const Request& request,
           const std::vector<std::string>& metrics, const json& answer)
        : platform_(platform),
          zone_(zone),
          request_(request),
          rows_(request.rows),
          metrics_(metrics),
          answer_(answer) {}

    std::vector<Row> read() {
        switch (rows_.shape) {
            case Rows::Shape::object:
                read_object();
                break;
            case Rows::Shape::series:
            case Rows::Shape::totals:
                read_named_list();
                break;
            case Rows::Shape::table:
                read_table();
                break;
            case Rows::Shape::points:
                read_points();
                break;
            case Rows::Shape::count:
                read_items();
        }
        return std::move(result_);
    }

private:
    [[noreturn]] void fail(const std::string& what) const {
        throw Error(Fault::failed, fmt::format("{}.{}: unexpected answer: {}", platform_.name, request_.name, what));
    }

    bool asked(const std::string& metric) const {
        return std::find(metrics_.begin(), metrics_.end(), metric) != metrics_.end();
    }

    void add_nothing(const std::string& metric) {
        result_.push_back(
            {.metric = metric, .dimensions = {}, .key = {}, .day = {}, .stamp = {}, .currency = {}, .value = {}});
    }

    const json& require(const JsonPath& path) const {
        const auto* found = path.first(answer_);
        if (found == nullptr) fail(fmt::format("'{}' is missing", path.text()));
        return *found;
    }

    void read_object() {
        const auto& object = require(rows_.at);
        if (!object.is_object()) fail(fmt::format("'{}' is no object", rows_.at.text()));
        for (const auto& metric : metrics_) {
            const auto own_place = rows_.values.find(metric);
            const auto member = object.find(metric);
            const auto* value = own_place != rows_.values.end() ? own_place->second.first(object)
                                : member != object.end()        ? &*member
                                                                : nullptr;
            const auto hidden_if = rows_.hidden_if.find(metric);
            const auto* hidden = hidden_if == rows_.hidden_if.end() ? nullptr : hidden_if->second.first(object);
            const bool shown = value != nullptr && (hidden == nullptr || *hidden != json(true));
            add_nothing(metric);
            if (shown) result_.back().value = read_number(*value);
        }
    }

    /// Entries {"name", "period", …}: the series and the totals of the Graph API.
    void read_named_list() {
        const auto& list = require(rows_.at);
        if (!list.is_array()) fail(fmt::format("'{}' is no list", rows_.at.text()));
        std::set<std::string> seen;
        for (const auto& entry : list) {
            const auto* name = entry.is_object() && entry.contains("name") ? &entry["name"] : nullptr;
            if (name == nullptr || !name->is_string())
                fail(fmt::format("an element of '{}' has no name", rows_.at.text()));
            const auto metric = name->get<std::string>();
            if (!asked(metric) || (!rows_.period.empty() && entry.value("period", json()) != json(rows_.period)))
                continue;
            seen.insert(metric);
            if (rows_.shape == Rows::Shape::series)
                read_series(metric, entry);
            else
                read_total(metric, entry);
        }
        if (list.empty()) return;  // nothing at all is an answer of its own, not many missing numbers
        for (const auto& metric : metrics_) {
            if (!seen.contains(metric)) add_nothing(metric);
        }
    }

    void read_series(const std::string& metric, const json& entry) {
        const auto values = entry.find("values");
        if (values == entry.end() || !values->is_array()) return add_nothing(metric);
        for (const auto& element : *values) {
            Row row{.metric = metric, .dimensions = {}, .key = {}, .day = {}, .stamp = {}, .currency = {}, .value = {}};
            // What only exists now is dated with the day of the answer, whatever is stamped on it.
            if (request_.window != Request::Window::now) {
                const auto instant = read_stamp(element, row.stamp);
                if (instant) row.day = day_of_stamp(*instant);
            }
            if (!element.is_object() || (!row.day && request_.window != Request::Window::now) ||
                !read_dimensions(element, row)) {
                add_nothing(metric);
                continue;
            }
            const auto value = element.find("value");
            if (value != element.end() && value->is_object() && rows_.amount) {
                result_.push_back(read_amount(std::move(row), *value));
                continue;
            }
            if (value != element.end() && value->is_object()) {
                for (const auto& [key, number] : value->items()) {
                    result_.push_back(row);
                    result_.back().key = key;
                    result_.back().value = read_number(number);
                }
                continue;
            }
            if (value != element.end()) row.value = read_number(*value);
            result_.push_back(std::move(row));
        }
    }

    Row read_amount(Row row, const json& object) const {
        if (const auto* amount = rows_.amount->first(object)) row.value = read_number(*amount);
        if (const auto* currency = rows_.currency ? rows_.currency->first(object) : nullptr)
            row.currency = scalar_text(*currency).value_or("");
        return row;
    }

    static std::optional<Instant> read_stamp(const json& element, std::string& raw) {
        if (!element.is_object()) return std::nullopt;
        const auto stamp = element.find("end_time");
        if (stamp == element.end() || !stamp->is_string()) return std::nullopt;
        raw = stamp->get<std::string>();
        return parse_instant(raw);
    }

    Day day_of_stamp(Instant stamp) const {
        const bool is_end = platform_.day.stamp_is == DayRule::StampIs::end;
        return zone_.day_of(is_end ? stamp - std::chrono::seconds{1} : stamp);
    }

    bool read_dimensions(const json& element, Row& row) const {
        for (const auto& dimension : rows_.dimensions) {
            const auto found = element.find(dimension);
            auto text = found == element.end() ? std::nullopt : scalar_text(*found);
            if (!text || text->empty()) return false;
            row.dimensions.emplace_back(dimension, *std::move(text));
        }
        return true;
    }

    void read_total(const std::string& metric, const json& entry) {
        const auto total = entry.find("total_value");
        if (total == entry.end() || !total->is_object()) return add_nothing(metric);
        if (rows_.dimensions.empty()) {
            add_nothing(metric);
            if (const auto value = total->find("value"); value != total->end())
                result_.back().value = read_number(*value);
            return;
        }
        // Categories without numbers are left out, down to the whole list.
        const auto breakdowns = total->find("breakdowns");
        if (breakdowns == total->end() || !breakdowns->is_array()) return;
        for (const auto& breakdown : *breakdowns) read_breakdown(metric, breakdown);
    }

    void read_breakdown(const std::string& metric, const json& breakdown) {
        const auto places = dimension_places(metric, breakdown);
        const auto results = breakdown.find("results");
        if (results == breakdown.end() || !results->is_array()) return;
        for (const auto& result : *results) {
            Row row{.metric = metric, .dimensions = {}, .key = {}, .day = {}, .stamp = {}, .currency = {}, .value = {}};
            const auto values = result.is_object() ? result.value("dimension_values", json()) : json();
            for (std::size_t i = 0; i < places.size(); ++i) {
                auto text =
                    values.is_array() && places[i] < values.size() ? scalar_text(values[places[i]]) : std::nullopt;
                if (!text || text->empty())
                    fail(fmt::format("a result of '{}' has no '{}'", metric, rows_.dimensions[i]));
                row.dimensions.emplace_back(rows_.dimensions[i], *std::move(text));
            }
            if (const auto value = result.find("value"); value != result.end()) row.value = read_number(*value);
            result_.push_back(std::move(row));
        }
    }

    /// Where each dimension stands among the values; by name, as their order and number depend on the version.
    std::vector<std::size_t> dimension_places(const std::string& metric, const json& breakdown) const {
        const auto keys = breakdown.is_object() ? breakdown.value("dimension_keys", json()) : json();
        std::vector<std::size_t> places;
        for (const auto& dimension : rows_.dimensions) {
            const auto found = std::find(keys.begin(), keys.end(), json(dimension));
            if (!keys.is_array() || found == keys.end())
                fail(fmt::format("'{}' is not broken down by '{}'", metric, dimension));
            places.push_back(static_cast<std::size_t>(found - keys.begin()));
        }
        const auto extra = std::count_if(keys.begin(), keys.end(), [&](const json& key) {
            return key != json(kTimeframe) && std::find(rows_.dimensions.begin(), rows_.dimensions.end(),
                                                        scalar_text(key)) == rows_.dimensions.end();
        });
        if (extra != 0) fail(fmt::format("'{}' is broken down by more than was asked for", metric));
        return places;
    }

    void read_table() {
        const auto headers = answer_.find("columnHeaders");
        if (headers == answer_.end() || !headers->is_array()) fail("'/columnHeaders' is missing");
        std::map<std::string, std::size_t> columns;
        for (const auto& header : *headers) {
            const auto name = header.is_object() ? header.value("name", json()) : json();
            if (!name.is_string()) fail("a column has no name");
            columns.emplace(name.get<std::string>(), columns.size());
        }
        const auto list = answer_.find("rows");
        if (list == answer_.end() || list->is_null()) return;
        if (!list->is_array()) fail("'/rows' is no list");
        if (list->empty()) return;
        for (const auto& metric : metrics_) {
            if (!columns.contains(metric)) add_nothing(metric);
        }
        for (const auto& cells : *list) read_table_row(columns, headers->size(), cells);
    }

    void read_table_row(const std::map<std::string, std::size_t>& columns, std::size_t width, const json& cells) {
        if (!cells.is_array() || cells.size() != width) fail("a row does not fit the columns");
        const auto text_in = [&](const std::string& column) {
            const auto found = columns.find(column);
            if (found == columns.end()) fail(fmt::format("column '{}' is missing", column));
            return scalar_text(cells[found->second]).value_or("");
        };
        const auto day_text = text_in(rows_.day_column);
        Row row{.metric = {},
                .dimensions = {},
                .key = {},
                .day = parse_day(day_text),
                .stamp = {},
                .currency = {},
                .value = {}};
        if (!row.day) fail(fmt::format("not a date in column '{}'", rows_.day_column));
        for (const auto& dimension : rows_.dimensions) {
            row.dimensions.emplace_back(dimension, text_in(dimension));
            if (row.dimensions.back().second.empty()) fail(fmt::format("no value in column '{}'", dimension));
        }
        for (const auto& metric : metrics_) {
            const auto column = columns.find(metric);
            if (column == columns.end()) continue;
            result_.push_back(row);
            result_.back().metric = metric;
            result_.back().value = read_number(cells[column->second]);
        }
    }

    void read_points() {
        if (!require(rows_.at.fixed_part()).is_structured())
            fail(fmt::format("'{}' holds nothing", rows_.at.fixed_part().text()));
        for (const auto* item : rows_.at.all(answer_)) {
            const auto* written = rows_.day.first(*item);
            const auto text = written == nullptr ? std::nullopt : scalar_text(*written);
            const auto day = text ? parse_day(std::string_view{*text}.substr(0, 10)) : std::nullopt;
            // An item that cannot be dated may be a part of any day's sum.
            if (!day) fail(fmt::format("an item has no date in '{}'", rows_.day.text()));
            const auto* stats = rows_.stats.first(*item);
            for (const auto& metric : metrics_) {
                add_nothing(metric);
                result_.back().day = day;
                if (stats == nullptr) continue;
                if (rows_.entries) {
                    result_.back().value = read_entry(metric, *stats);
                } else if (stats->is_object()) {
                    if (const auto value = stats->find(metric); value != stats->end())
                        result_.back().value = read_number(*value);
                }
            }
        }
    }

    /// The number of the entry that has the metric's name.
    std::optional<double> read_entry(const std::string& metric, const json& list) const {
        for (const auto& entry : list) {
            const auto* name = rows_.entries->name.first(entry);
            if (name == nullptr || scalar_text(*name) != metric) continue;
            for (const auto* candidate : rows_.entries->values.all(entry)) {
                const auto* mark = rows_.entries->where.first(*candidate);
                const auto* value = rows_.entries->value.first(*candidate);
                if (mark != nullptr && value != nullptr && scalar_text(*mark) == rows_.entries->is)
                    return read_number(*value);
            }
        }
        return std::nullopt;
    }

    /// Every item is a row of value 1, with what makes it unique as its key.
    void read_items() {
        if (!require(rows_.at.fixed_part()).is_array())
            fail(fmt::format("'{}' is no list", rows_.at.fixed_part().text()));
        for (const auto* item : rows_.at.all(answer_)) {
            const auto* id = rows_.unique.first(*item);
            auto text = id == nullptr ? std::nullopt : scalar_text(*id);
            if (!text || text->empty()) fail(fmt::format("an item has no '{}'", rows_.unique.text()));
            add_nothing(metrics_.front());
            result_.back().key = *std::move(text);
            result_.back().value = 1;
        }
    }

    const Platform& platform_;
    const TimeZone& zone_;
    const Request& request_;
    const Rows& rows_;
    const std::vector<std::string>& metrics_;
    const json& answer_;
    std::vector<Row> result_;
};

}  // namespace

std::vector<Row> read_rows(const Platform& platform, const TimeZone& zone, const Request& request,
                           const std::vector<std::string>& metrics, const json& answer) {
    return Reader{platform, zone, request, metrics, answer}.read();
}

std::optional<double> read_number(const json& value) {
    double number = 0;
    if (value.is_number()) {
        number = value.get<double>();
    } else if (value.is_string()) {
        const auto& text = value.get_ref<const std::string&>();
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    } else {
        return std::nullopt;
    }
    return std::isfinite(number) ? std::optional{number} : std::nullopt;
}

}  // namespace tally::platform
