// SPDX-License-Identifier: Apache-2.0
// Reads the requests of a platform file and checks that they can work.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/ascii.hpp"
#include "daemon/platform/loader_parts.hpp"

namespace tally::platform::loader {

namespace {

/// Members of a number's metadata; a dimension of that name would overwrite one.
constexpr std::array<std::string_view, 12> kReserved{"api",      "api_version", "period", "unit",
                                                     "currency", "zone",        "final",  "final_at",
                                                     "end_time", "fetched_at",  "window", "key"};

/// Dimensions stand in the metadata in lower case.
bool is_reserved(const std::string& name) {
    return std::find(kReserved.begin(), kReserved.end(), ascii::lower(name)) != kReserved.end();
}

Paging read_paging(const YamlNode& node) {
    node.allow({"link", "cursor", "query", "max_pages"});
    Paging paging;
    const auto link = node.find("link"), cursor = node.find("cursor");
    if (link.has_value() == cursor.has_value()) node.fail("must have either 'link' or 'cursor'");
    paging.kind = link ? Paging::Kind::link : Paging::Kind::cursor;
    paging.next = read_path(link ? *link : *cursor);
    if (cursor)
        paging.query = read_name(node.at("query"));
    else if (const auto query = node.find("query"))
        query->fail("a link needs no parameter");
    if (const auto most = node.find("max_pages")) paging.max_pages = static_cast<unsigned>(most->integer(1, 100'000));
    return paging;
}

void read_window(const YamlNode& node, Request& request) {
    const auto window = node.at("window");
    if (window.is_map()) {
        window.allow({"range"});
        request.window = Request::Window::range;
        request.window_days = read_days(window.at("range"));
    } else {
        request.window = window.choice({"now", "day"}) == 0 ? Request::Window::now : Request::Window::day;
    }
    if (const auto limits = node.find("bounds")) request.stamp_bounds = limits->choice({"days", "stamps"}) == 1;
}

class RequestReader {
public:
    RequestReader(const std::string& name, const YamlNode& node, const Platform& platform)
        : node_(node), platform_(platform) {
        request_.name = name;
    }

    Request read() {
        node_.allow({"base_url", "version", "path", "query", "token", "every", "window", "bounds", "history",
                     "final_after", "optional", "only_if", "compare", "metadata", "empty_without_scope", "paging",
                     "rows", "metrics"});
        check_name(request_.name, node_);
        if (std::any_of(platform_.lookups.begin(), platform_.lookups.end(),
                        [&](const Lookup& lookup) { return lookup.name == request_.name; }))
            node_.fail("there is a look-up of this name", "Limits name both: give one of them another name.");
        request_.endpoint = read_endpoint(node_, platform_.api);
        request_.every = node_.at("every").choice({"slot", "day"}) == 0 ? Request::Every::slot : Request::Every::day;
        read_window(node_, request_);
        read_metrics();
        request_.optional = read_or(node_, "optional", false, [](const YamlNode& value) { return value.boolean(); });
        request_.empty_without_scope =
            read_or(node_, "empty_without_scope", {}, [](const YamlNode& value) { return value.text(); });
        read_conditions();
        read_compare();
        if (const auto metadata = node_.find("metadata")) read_metadata(*metadata);
        read_rows(node_.at("rows"));
        if (const auto paging = node_.find("paging")) request_.paging = read_paging(*paging);
        check_paging();
        check_token(node_, request_.endpoint, platform_);
        if (request_.window == Request::Window::now)
            check_now();
        else
            check_days();
        return std::move(request_);
    }

private:
    void read_metrics() {
        const auto list = node_.at("metrics");
        for (const auto& item : list.items()) {
            const auto name = item.text();
            if (platform_.find_metric(name) == nullptr) {
                std::vector<std::string> declared;
                for (const auto& metric : platform_.metrics) declared.push_back(metric.name);
                const auto near = nearest(name, declared);
                item.fail(fmt::format("metric '{}' is not declared", name),
                          near ? fmt::format("Did you mean '{}'?", *near) : "Declare its unit under 'metrics'.");
            }
            if (asks_for(name)) item.fail(fmt::format("metric '{}' appears twice", name));
            request_.metrics.push_back(name);
        }
        if (request_.metrics.empty()) list.fail("must name at least one metric");
    }

    /// Attributes that decide whether the request is made at all.
    void read_conditions() {
        const auto conditions = node_.find("only_if");
        if (!conditions) return;
        for (const auto& [attribute, values] : conditions->entries()) {
            check_name(attribute, values);
            auto& wanted = request_.only_if[attribute];
            for (const auto& text : values.texts()) wanted.push_back(text);
            if (wanted.empty()) values.fail("names no value", "Write the values with which the request makes sense.");
        }
    }

    void read_metadata(const YamlNode& node) {
        for (const auto& [name, value] : node.entries()) {
            check_name(name, value);
            if (is_reserved(name)) value.fail(fmt::format("'{}' has a meaning of its own in the metadata", name));
            request_.metadata.emplace(name, value.text());
        }
    }

    void read_compare() {
        const auto list = node_.find("compare");
        if (!list) return;
        for (const auto& item : list->items()) {
            const auto name = item.text();
            if (!asks_for(name))
                item.fail(fmt::format("metric '{}' is not asked for", name), "Name it under 'metrics' of the request.");
            const bool elsewhere =
                std::any_of(platform_.requests.begin(), platform_.requests.end(), [&](const Request& other) {
                    return std::find(other.metrics.begin(), other.metrics.end(), name) != other.metrics.end();
                });
            if (!elsewhere)
                item.fail(fmt::format("no request before this one gives metric '{}'", name),
                          "A number is compared with that of an earlier request.");
            request_.compare.push_back(name);
        }
    }

    bool asks_for(const std::string& metric) const {
        return std::find(request_.metrics.begin(), request_.metrics.end(), metric) != request_.metrics.end();
    }

    void read_rows(const YamlNode& node) {
        auto& rows = request_.rows;
        const auto shape = node.at("shape");
        rows.shape = static_cast<Rows::Shape>(shape.choice({"object", "series", "totals", "table", "points", "count"}));
        switch (rows.shape) {
            case Rows::Shape::object:
                node.allow({"shape", "at", "values", "hidden_if"});
                rows.values = read_places(node, "values");
                rows.hidden_if = read_places(node, "hidden_if");
                break;
            case Rows::Shape::series:
            case Rows::Shape::totals:
                node.allow({"shape", "at", "period", "dimensions", "amount", "currency"});
                rows.period = read_or(node, "period", {}, read_name);
                if (const auto amount = node.find("amount")) rows.amount = read_path(*amount);
                if (const auto currency = node.find("currency")) {
                    rows.currency = read_path(*currency);
                    if (!rows.amount) currency->fail("there is no amount whose currency it is", "Write 'amount' too.");
                }
                if ((rows.amount || rows.currency) && rows.shape == Rows::Shape::totals)
                    node.fail("only a series has amounts", "Write 'shape: series'.");
                break;
            case Rows::Shape::table:
                node.allow({"shape", "day", "dimensions"});
                rows.day_column = read_name(node.at("day"));
                break;
            case Rows::Shape::points:
                node.allow({"shape", "at", "day", "stats", "entries", "sum"});
                rows.day = read_path(node.at("day"));
                rows.stats = read_path(node.at("stats"));
                if (const auto entries = node.find("entries")) rows.entries = read_entries(*entries);
                rows.sum = read_or(node, "sum", false, [](const YamlNode& value) { return value.boolean(); });
                break;
            case Rows::Shape::count:
                node.allow({"shape", "at", "unique", "below"});
                rows.unique = read_path(node.at("unique"));
                if (const auto below = node.find("below"))
                    rows.below = static_cast<unsigned>(below->integer(1, 10'000'000));
                if (request_.window != Request::Window::day)
                    shape.fail("a count has no date of its own", "Write 'window: day': one request for each day.");
                if (request_.metrics.size() != 1) shape.fail("a list has one length", "Name one metric.");
        }
        if (rows.shape != Rows::Shape::table) rows.at = read_path(node.at("at"));
        if (rows.at.has_wildcard() && rows.shape != Rows::Shape::points && rows.shape != Rows::Shape::count)
            node.at("at").fail("must lead to one place", "Only points and count take '*'.");
        if (rows.shape == Rows::Shape::count && !rows.at.has_wildcard())
            node.at("at").fail("must lead to every element of the list", "Write it like /data/*.");
        if (rows.sum) check_sum(node.at("sum"));
        if (const auto dimensions = node.find("dimensions")) read_dimensions(*dimensions);
        if (!rows.dimensions.empty() && !request_.compare.empty())
            node_.at("compare").fail("numbers with dimensions are compared with nothing",
                                     "Compare in a request without 'dimensions'.");
        if (rows.shape == Rows::Shape::totals && request_.window == Request::Window::range)
            shape.fail("a total has no date of its own", "Write 'window: day': one request for each day.");
    }

    static Rows::Entries read_entries(const YamlNode& node) {
        node.allow({"name", "values", "where", "is", "value"});
        return {.name = read_path(node.at("name")),
                .values = read_path(node.at("values")),
                .where = read_path(node.at("where")),
                .is = node.at("is").text(),
                .value = read_path(node.at("value"))};
    }

    std::map<std::string, JsonPath> read_places(const YamlNode& node, std::string_view key) const {
        std::map<std::string, JsonPath> places;
        const auto map = node.find(key);
        if (!map) return places;
        for (const auto& [metric, path] : map->entries()) {
            if (!asks_for(metric))
                path.fail(fmt::format("metric '{}' is not asked for", metric),
                          "Name it under 'metrics' of the request.");
            places.emplace(metric, read_path(path));
        }
        return places;
    }

    void check_sum(const YamlNode& node) const {
        for (const auto& name : request_.metrics) {
            if (!platform_.find_metric(name)->additive)
                node.fail(fmt::format("metric '{}' is not additive: a sum of it is no number of the account", name),
                          "Take it out of the request, or declare it 'additive: true' if it is a plain counter.");
        }
    }

    void read_dimensions(const YamlNode& node) {
        auto& dimensions = request_.rows.dimensions;
        for (const auto& item : node.items()) {
            auto name = read_name(item);
            if (is_reserved(name)) item.fail(fmt::format("'{}' has a meaning of its own in the metadata", name));
            const auto same = [&](const std::string& other) { return ascii::lower(other) == ascii::lower(name); };
            if (std::any_of(dimensions.begin(), dimensions.end(), same))
                item.fail(fmt::format("dimension '{}' appears twice", name), "In the metadata it is in lower case.");
            if (const auto said = std::find_if(request_.metadata.begin(), request_.metadata.end(),
                                               [&](const auto& entry) { return same(entry.first); });
                said != request_.metadata.end())
                node_.at("metadata").at(said->first).fail(fmt::format("'{}' is a dimension of the rows", said->first));
            dimensions.push_back(std::move(name));
        }
    }

    void check_paging() const {
        const auto& parameter = request_.paging.query;
        const auto& query = request_.endpoint.query;
        if (std::any_of(query.begin(), query.end(), [&](const auto& entry) { return entry.first == parameter; }))
            node_.at("paging").at("query").fail(fmt::format("parameter '{}' stands in the query already", parameter),
                                                "The cursor is added to every page but the first.");
    }

    const QueryValue* window_value(QueryValue::Kind kind) const {
        const auto& query = request_.endpoint.query;
        const auto found =
            std::find_if(query.begin(), query.end(), [kind](const auto& entry) { return entry.second.kind == kind; });
        return found == query.end() ? nullptr : &found->second;
    }

    void check_now() const {
        for (const auto* key : {"history", "bounds", "final_after"}) {
            if (const auto found = node_.find(key)) found->fail("what only exists now has no days");
        }
        const auto shape = request_.rows.shape;
        if (shape == Rows::Shape::table || shape == Rows::Shape::points)
            node_.at("rows").at("shape").fail("what only exists now has no days",
                                              "Write 'shape: object', 'series' or 'totals'.");
        for (const auto kind : {QueryValue::Kind::start, QueryValue::Kind::end, QueryValue::Kind::last}) {
            if (window_value(kind) != nullptr) node_.at("query").fail("what only exists now has no days");
        }
    }

    void check_days() {
        if (request_.rows.shape == Rows::Shape::object)
            node_.at("rows").at("shape").fail("an object has no dates", "Write 'window: now'.");
        const auto* start = window_value(QueryValue::Kind::start);
        const auto* end = window_value(QueryValue::Kind::end);
        if (start == nullptr || (end == nullptr && window_value(QueryValue::Kind::last) == nullptr))
            node_.fail("the days do not stand in the query", "Give it { start: … } and { end: … } or { last: date }.");
        const auto is_instant = [](const QueryValue* value) {
            return value != nullptr &&
                   (value->format == QueryValue::Format::unix_time || value->format == QueryValue::Format::utc);
        };
        if (request_.stamp_bounds && !(is_instant(start) && is_instant(end)))
            node_.at("bounds").fail("stamps are instants", "Write { start: unix } and { end: unix }.");
        request_.history = read_or(node_, "history", platform_.day.history, read_days);
        if (request_.history > platform_.day.history) node_.at("history").fail("longer than day.history");
        request_.final_after = platform_.day.final_after;
        if (const auto final_after = node_.find("final_after")) {
            request_.final_after = final_after->duration();
            if (request_.final_after > std::chrono::days{60}) final_after->fail("longer than 60 days");
        }
        if (request_.window_days > request_.history) node_.at("window").fail("longer than the history");
    }

    const YamlNode& node_;
    const Platform& platform_;
    Request request_;
};

}  // namespace

Request read_request(const std::string& name, const YamlNode& node, const Platform& platform) {
    return RequestReader{name, node, platform}.read();
}

}  // namespace tally::platform::loader
