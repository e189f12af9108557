// SPDX-License-Identifier: Apache-2.0
// The model of a platform file: everything the engine knows about how one platform speaks. Immutable once loaded.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/time.hpp"
#include "common/time_zone.hpp"
#include "common/yaml.hpp"
#include "daemon/platform/error_rules.hpp"
#include "daemon/platform/json_path.hpp"
#include "daemon/platform/login.hpp"

namespace tally::platform {

struct Metric {
    std::string name;          ///< the platform's own
    std::string unit;          ///< count, currency, micro_currency, seconds, milliseconds, minutes, percent, ratio
    std::string currency;      ///< of money whose answers do not name one (ISO 4217); may be empty
    bool additive = false;     ///< may be summed over children and days
    bool optional = false;     ///< not every account has it: its absence is not counted
    std::string replaces;      ///< the historic name that users may know; may be empty
    std::string replaced_by;   ///< what to look at once this one is gone; may be empty
    std::optional<Day> since;  ///< first date on which it may be asked for
    std::optional<Day> until;  ///< first date on which it may not be asked for any more
};

/// A value in a query string.
struct QueryValue {
    enum class Kind {
        text,     ///< as written; `{account}` and `{version}` are filled in
        metrics,  ///< the task's metrics, joined by commas
        start,    ///< the first instant of the first day
        end,      ///< the first instant after the last day
        last,     ///< the last day itself
    };
    enum class Format {
        unix_time,  ///< seconds
        date,       ///< YYYY-MM-DD
        local,      ///< YYYY-MM-DDThh:mm:ss without an offset: midnight on the account's wall
        utc,        ///< YYYY-MM-DDThh:mm:ssZ
    };
    Kind kind = Kind::text;
    Format format = Format::unix_time;  ///< of start, end and last
    std::string text;
};

/// Where a request goes and what it says.
struct Endpoint {
    std::string base_url;  ///< scheme, host and port
    std::string version;   ///< fills `{version}`; may be empty
    std::string path;      ///< begins with a slash; `{account}` and `{version}` are filled in
    std::vector<std::pair<std::string, QueryValue>> query;  ///< in file order
    std::string token;  ///< the derived token that it is made with, where the connection has one; empty: its own token
};

/// How an answer goes on.
struct Paging {
    enum class Kind { none, link, cursor };
    Kind kind = Kind::none;
    JsonPath next;              ///< an absolute URL (link) or a cursor; absent, null or "" on the last page
    std::string query;          ///< the parameter that takes the cursor
    unsigned max_pages = 1000;  ///< more is an error: a sum over an unfinished list would be wrong
};

/// How an answer becomes numbers.
struct Rows {
    enum class Shape { object, series, totals, table, points, count };
    /// Where a point keeps its numbers when they are a list of named entries instead of members of an object.
    struct Entries {
        JsonPath name;    ///< of an entry: the metric
        JsonPath values;  ///< of an entry: one place or, with a wildcard, several of which `where` chooses
        JsonPath where;   ///< of a value: what must be `is`
        std::string is;
        JsonPath value;  ///< of a value: the number
    };
    Shape shape = Shape::object;
    JsonPath at;                             ///< object: the object; series, totals: the list; points, count: the items
    std::string period;                      ///< series, totals: entries of other periods are passed over
    std::vector<std::string> dimensions;     ///< series, totals, table: in the order of the metric's suffixes
    std::map<std::string, JsonPath> values;  ///< object: where a metric is when it is not the member of its name
    std::map<std::string, JsonPath> hidden_if;  ///< object: the metric is no data when this is true
    std::string day_column;                     ///< table
    JsonPath day;                    ///< points: the item's date or time, of which the first ten characters count
    JsonPath stats;                  ///< points: the object whose members are the metrics
    std::optional<Entries> entries;  ///< points: how `stats` is read when it leads to a list
    bool sum = false;                ///< points: add the items of a day up
    JsonPath unique;                 ///< count: items equal here are one
    unsigned below = 0;              ///< count: a list of so many may have been cut; 0: lists are always whole
    std::optional<JsonPath> amount, currency;  ///< series: where a value that is an object of its own kind keeps them
};

struct Request {
    enum class Every { slot, day };
    enum class Window { now, day, range };
    std::string name;
    Endpoint endpoint;
    Every every = Every::day;
    Window window = Window::now;
    std::chrono::days window_days{1};          ///< longest range
    bool stamp_bounds = false;                 ///< the window selects the stamps it contains, both ends included
    std::chrono::days history{0};              ///< how many days before today can be asked for
    std::chrono::milliseconds final_after{0};  ///< numbers are final this long after the end of their day
    std::string empty_without_scope;           ///< the scope without which the answer is empty in place of an error
    bool optional = false;                     ///< not every account may ask: a refusal is no failure
    std::map<std::string, std::vector<std::string>> only_if;  ///< attribute -> values with which it makes sense
    std::vector<std::string>
        compare;  ///< of `metrics`: another request gives them; compared with its numbers, not stored
    std::map<std::string, std::string> metadata;  ///< said of every number, such as the timeframe of a total
    Paging paging;
    Rows rows;
    std::vector<std::string> metrics;  ///< never empty
};

/// A request whose answer is kept on the connection.
struct Lookup {
    std::string name;
    Endpoint endpoint;
    bool optional = false;                       ///< its failure does not hold the collection up
    std::map<std::string, JsonPath> attributes;  ///< name -> where it is
    std::map<std::string, JsonPath> tokens;      ///< derived token -> where it is
};

/// So many requests in a time. Within a day or longer it is a quota that is counted; below, a pace.
struct RateLimit {
    std::string name;  ///< unique in the file
    BudgetScope scope = BudgetScope::app;
    unsigned requests = 0;
    std::chrono::milliseconds per{0};
    std::optional<TimeZone> resets;     ///< the window is this zone's day
    std::vector<std::string> only_for;  ///< names of requests that it counts; empty: all, look-ups included
    bool applies_to(std::string_view request) const noexcept;
};

/// Headers that tell how much of a limit is used, on good answers and on refusals.
struct UsageHeader {
    enum class Kind {
        percent,    ///< JSON with percentages of a rolling window
        remaining,  ///< three headers: limit, remaining, and when it is full again
    };
    Kind kind = Kind::percent;
    BudgetScope scope = BudgetScope::app;
    std::string header;                   ///< in lower case; of `remaining`: the requests left
    std::vector<JsonPath> percent;        ///< the highest counts
    std::optional<JsonPath> minutes;      ///< how long a throttled caller must wait
    std::string limit_header;             ///< remaining: how many in all
    std::string reset_header;             ///< remaining: Unix seconds
    unsigned slow_at = 75, stop_at = 95;  ///< percent: requests are spaced from here, and not sent from there
};

struct Api {
    std::string base_url;        ///< scheme, host and port; http only to loopback
    std::string version;         ///< may be empty
    std::string version_header;  ///< lower case; the answer header that names the version really served; may be empty
    std::optional<Day> version_until;  ///< first date on which the version is not usable any more, where announced
};

struct Auth {
    std::string header = "Authorization";
    std::string scheme = "Bearer";  ///< goes before the token, with a blank; may be empty
    /// Sent with every request; `{client_id}` is filled in.
    std::vector<std::pair<std::string, std::string>> headers;
    std::string proof;          ///< the parameter with a keyed hash of the token under the app's secret; may be empty
    std::vector<Login> logins;  ///< the first is the default; may be empty

    /// The one that attribute `login` names, else attribute `app` when a login is called so, else the first; null when
    /// the platform has none.
    const Login* login_of(const std::map<std::string, std::string>& attributes) const noexcept;
};

struct DayRule {
    enum class StampIs { end, day };
    std::optional<TimeZone> zone;              ///< a fixed zone, or else
    std::string zone_attribute;                ///< the account's attribute that names it
    std::chrono::milliseconds final_after{0};  ///< numbers are final this long after the end of their day
    std::chrono::days history{0};
    StampIs stamp_is = StampIs::end;  ///< a stamp is the end of its day, or lies in the day itself
};

struct Platform {
    std::string file;    ///< where it was read from
    std::string name;    ///< lower case, the name of its file
    std::string title;   ///< for people
    std::string source;  ///< social_media or ads
    Api api;
    Auth auth;
    DayRule day;
    std::vector<Lookup> lookups;
    std::vector<Request> requests;  ///< in file order
    std::vector<Metric> metrics;    ///< in file order
    std::vector<RateLimit> limits;
    std::vector<UsageHeader> usage;
    Errors errors;

    const Metric* find_metric(std::string_view metric) const noexcept;     ///< null when not declared
    const Request* find_request(std::string_view request) const noexcept;  ///< null when there is none
};

/// Reads and checks the whole file. @throws Error (config) "FILE:LINE: path: message" with a hint.
Platform load_platform(const YamlNode& root);

}  // namespace tally::platform
