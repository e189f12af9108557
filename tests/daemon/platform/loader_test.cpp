// SPDX-License-Identifier: Apache-2.0
// Every complaint about a platform file names the line and the way out.
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "common/error.hpp"
#include "tests/daemon/platform/fixtures.hpp"

using namespace tally;
using namespace tally::platform;
using namespace tally::platform::test;

namespace {

const std::string kFile = R"yaml(platform: demo
title: Demo
source: social_media
api: { base_url: "https://api.demo.example", version: v1, version_header: X-Version }
auth: { header: X-Token, scheme: "" }
day: { zone: UTC, final_after: 48h, history: 90d, stamp_is: end }
lookups:
  facts:
    path: /{version}/{account}
    attributes: { currency: /currency }
    tokens: { page: /token }
metrics:
  followers: { unit: count }
  clicks: { unit: count, additive: true, since: 2025-01-01, until: 2027-01-01 }
  rate: { unit: ratio }
requests:
  profile:
    every: slot
    window: now
    path: /{version}/{account}
    query: { fields: { metrics: comma } }
    rows: { shape: object, at: "", values: { followers: /n/followers } }
    metrics: [followers]
  stats:
    every: day
    window: { range: 30d }
    bounds: stamps
    token: page
    path: /{version}/{account}/stats
    query: { from: { start: unix }, to: { end: unix } }
    paging: { link: /next, max_pages: 5 }
    rows: { shape: points, at: /list/*, day: /day, stats: "", sum: true }
    metrics: [clicks]
  split:
    every: day
    window: day
    path: /{version}/{account}/split
    query: { from: { start: unix }, to: { last: date } }
    rows: { shape: totals, at: /data, dimensions: [kind] }
    metrics: [clicks, rate]
limits:
  - { scope: app, requests: 200, per: 1h }
usage:
  - { header: X-Usage, scope: app, wait_minutes: /*/minutes }
errors:
  code: /error/code
  message: /error/message
  subcode: /error/subcode
  rules:
    - { code: 10-20, text: [Slow down], then: wait, wait: 5m }
    - { code: 100, text: metric, then: bad_metric, names: "metric (*)" }
    - { status: 500-599, then: retry }
    - { at: /state, is_not: fine, then: retry }
)yaml";

/// The complaint after one change; "" when there is none.
std::string complaint(const std::string& from, const std::string& to) {
    auto text = kFile;
    const auto where = text.find(from);
    REQUIRE_MESSAGE(where != std::string::npos, from);
    text.replace(where, from.size(), to);
    try {
        load_platform(YamlNode::parse(text, "demo.yaml"));
        return {};
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::config);
        return describe(error);
    }
}

class Folder {
public:
    explicit Folder(const std::string& name)
        : path_(std::filesystem::temp_directory_path() / (name + std::to_string(::getpid()))) {
        std::filesystem::create_directories(path_);
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    void write(const std::string& file, const std::string& text) const { std::ofstream{path_ / file} << text; }
    std::string path() const { return path_.string(); }

private:
    std::filesystem::path path_;
};

struct Mistake {
    std::string from, to, told;  ///< `told` is the whole complaint; empty: there is none
};

void check_mistakes(const std::vector<Mistake>& mistakes) {
    for (const auto& [from, to, told] : mistakes) {
        CAPTURE(to);
        CHECK(complaint(from, to) == told);
    }
}

}  // namespace

TEST_CASE("a whole file becomes a model") {
    const auto platform = load_platform(YamlNode::parse(kFile, "demo.yaml"));
    CHECK(platform.name == "demo");
    CHECK(platform.auth.header == "X-Token");
    CHECK(platform.auth.scheme.empty());
    CHECK(platform.api.version_header == "x-version");
    CHECK(platform.find_metric("clicks")->until == day("2027-01-01"));
    REQUIRE(platform.requests.size() == 3);
    const auto& stats = *platform.find_request("stats");
    CHECK(stats.window == Request::Window::range);
    CHECK(stats.window_days == std::chrono::days{30});
    CHECK(stats.history == std::chrono::days{90});
    CHECK(stats.paging.max_pages == 5);
    CHECK(stats.rows.sum);
    CHECK(platform.find_request("nothing") == nullptr);
    CHECK(platform.limits.front().requests == 200);
    CHECK(platform.usage.front().header == "x-usage");
    CHECK(platform.errors.rules.front().texts == std::vector<std::string>{"slow down"});
}

TEST_CASE("mistakes are told with line, path and hint") {
    struct Case {
        std::string from, to, message;
    };
    const Case cases[] = {
        {"title: Demo", "titl: Demo", "demo.yaml:2: titl: unknown key\n  hint: Did you mean 'title'?"},
        {"title: Demo\n", "", "'title' is missing"},
        {"platform: demo", "platform: Demo", "demo.yaml:1: platform: must be in lower case"},
        {"source: social_media", "source: organic", "demo.yaml:3: source: 'organic' is not known here"},
        {"https://api.demo.example", "http://api.demo.example",
         "demo.yaml:4: api.base_url: http is allowed to loopback only"},
        {"https://api.demo.example", "https://api.demo.example/v1", "not a base URL"},
        {"version: v1, version_header", "version_header", "there is no version to compare with"},
        {"zone: UTC", "zone: America/Los_Angelos", "demo.yaml:6: day.zone: unknown time zone: 'America/Los_Angelos'"},
        {"zone: UTC", "zone: UTC, zone_attribute: timezone", "must have either 'zone' or 'zone_attribute'"},
        {"zone: UTC", "zone_attribute: timezone", "no look-up tells attribute 'timezone'"},
        {"history: 90d", "history: 36h", "day.history: must be whole days"},
        {"final_after: 48h", "final_after: soon", "not a duration: 'soon'"},
        {"attributes: { currency: /currency }", "attributes: { currency: currency }",
         "demo.yaml:10: lookups.facts.attributes.currency: not a JSON pointer: 'currency'"},
        {"    attributes: { currency: /currency }\n    tokens: { page: /token }\n", "",
         "the look-up looks for nothing"},
        {"unit: ratio", "unit: apples", "metrics.rate.unit: 'apples' is not known here"},
        {"unit: ratio", "unit: ratio, additive: true", "a ratio cannot be added up"},
        {"until: 2027-01-01", "until: 2025-01-01", "not after 'since'"},
        {"until: 2027-01-01", "until: 2027-02-30", "not a date: '2027-02-30'"},
        {"metrics: [followers]", "metrics: [follower]",
         "demo.yaml:23: requests.profile.metrics[0]: metric 'follower' is not declared\n  hint: Did you mean "
         "'followers'?"},
        {"metrics: [followers]", "metrics: [followers, followers]", "appears twice"},
        {"metrics: [followers]", "metrics: []", "must name at least one metric"},
        {"metrics: [clicks]", "metrics: [clicks, rate]", "rows.sum: metric 'rate' is not additive"},
        {"every: slot", "every: day", ""},  // a number of the moment, once a day
        {"every: slot", "every: hour", "'hour' is not known here"},
        {"path: /{version}/{account}\n    query", "path: /{version}/{acount}\n    query",
         "requests.profile.path: '{acount}' is not known here"},
        {"path: /{version}/{account}/stats", "path: /stats?x=1", "not a path"},
        {"path: /{version}/{account}/stats", "path: stats", "not a path"},
        {"values: { followers: /n/followers }", "values: { fans: /n/followers }", "metric 'fans' is not asked for"},
        {"{ metrics: comma }", "{ start: unix }", "what only exists now has no days"},
        {"{ metrics: comma }", "{ metrics: tab }", "'tab' is not known here"},
        {"{ metrics: comma }", "{ metrics: comma, start: unix }", "must be one of metrics, start, end and last"},
        {"window: { range: 30d }", "window: { range: 91d }", "window: longer than the history"},
        {"window: { range: 30d }", "window: week", "'week' is not known here"},
        {"    token: page", "    reread: 3d\n    token: page", "demo.yaml:28: requests.stats.reread: unknown key"},
        {"token: page", "token: pages", "no look-up before this tells token 'pages'"},
        {"to: { end: unix } }", "until: never }", "the days do not stand in the query"},
        {"to: { end: unix } }", "to: { last: date } }", "bounds: stamps are instants"},
        {"{ last: date }", "{ last: unix }", "the last day is a date, not a time"},
        {"{ link: /next, max_pages: 5 }", "{ link: /next, cursor: /c }", "must have either 'link' or 'cursor'"},
        {"{ link: /next, max_pages: 5 }", "{ link: /next, max_pages: 0 }", "0 is outside 1 to 100000"},
        {"{ link: /next, max_pages: 5 }", "{ cursor: /next }", "'query' is missing"},
        {"shape: points", "shape: pints", "'pints' is not known here"},
        {"shape: object, at: \"\", values", "shape: series, at: /*, values", "unknown key"},
        {"at: /data, dimensions", "at: /*/data, dimensions", "must lead to one place"},
        {"dimensions: [kind]", "dimensions: [unit]", "'unit' has a meaning of its own"},
        {"window: day", "window: { range: 2d }", "a total has no date of its own"},
        {"{ shape: totals, at: /data, dimensions: [kind] }", "{ shape: object, at: \"\" }", "an object has no dates"},
        // A dimension stands in the metadata in lower case, beside what always stands there.
        {"dimensions: [kind]", "dimensions: [Unit]", "'Unit' has a meaning of its own"},
        {"dimensions: [kind]", "dimensions: [kind, Kind]",
         "rows.dimensions[1]: dimension 'Kind' appears twice\n  hint: In the metadata it is in lower case."},
        {"    rows: { shape: totals", "    metadata: { kind: all }\n    rows: { shape: totals",
         "requests.split.metadata.kind: 'kind' is a dimension of the rows"},
        {"    rows: { shape: totals", "    metadata: { KIND: all }\n    rows: { shape: totals",
         "'KIND' is a dimension of the rows"},
        {"    rows: { shape: totals", "    metadata: { Unit: all }\n    rows: { shape: totals",
         "'Unit' has a meaning of its own"},
        {"    rows: { shape: totals", "    metadata: { sort: all }\n    rows: { shape: totals", ""},
        {"  facts:\n", "  facts:\n    token: page\n",
         "demo.yaml:9: lookups.facts.token: no look-up before this tells token 'page'"},
        {"metrics:\n  followers", "  more: { path: /more, token: pages, attributes: { a: /a } }\nmetrics:\n  followers",
         "lookups.more.token: no look-up before this tells token 'pages'"},
        {"metrics:\n  followers", "  more: { path: /more, token: page, attributes: { a: /a } }\nmetrics:\n  followers",
         ""},
        {"unit: ratio", "unit: currency, currency: 1x3", "metrics.rate.currency: not a currency: '1x3'"},
        {"unit: ratio", "unit: currency, currency: usd", "not a currency: 'usd'"},
        {"unit: ratio", "unit: currency, currency: USD", ""},
        {"  rate: {", "  \"\": {", "not a name: ''"},
        {"  message: /error/message", "  message: []", "demo.yaml:47: errors.message: names no place"},
        {"  code: /error/code", "  code: []", "errors.code: names no place"},
        {"code: 100, text: metric", "code: [], text: metric", "errors.rules[1].code: names no value"},
        {"text: metric", "text: []", "errors.rules[1].text: names no text"},
        {"  profile:", "  facts:", "requests.facts: there is a look-up of this name"},
        {"{ link: /next, max_pages: 5 }", "{ cursor: /next, query: from }",
         "requests.stats.paging.query: parameter 'from' stands in the query already"},
        {"{ link: /next, max_pages: 5 }", "{ cursor: /next, query: after }", ""},
        {"wait_minutes: /*/minutes", "limit_header: X-Limit, reset_header: X-Reset, stop_at: 90",
         "usage[0].stop_at: requests that are left are used up to the last"},
        {"wait_minutes: /*/minutes", "limit_header: X-Limit, reset_header: X-Reset, slow_at: 98", ""},
        {"{ shape: totals, at: /data, dimensions: [kind] }", "{ shape: series, at: /data, currency: /currency }",
         "rows.currency: there is no amount whose currency it is"},
        {"{ shape: totals, at: /data, dimensions: [kind] }",
         "{ shape: series, at: /data, amount: /amount, currency: /currency }", ""},
        {"    rows: { shape: totals", "    compare: [clicks]\n    rows: { shape: totals",
         "requests.split.compare: numbers with dimensions are compared with nothing"},
        {"    rows: { shape: totals, at: /data, dimensions: [kind] }",
         "    compare: [clicks]\n    rows: { shape: totals, at: /data }", ""},
        {"requests: 200", "requests: 0", "0 is outside 1 to 1000000000"},
        {"per: 1h", "per: 0s", "must be 1ms to 30d"},
        {"scope: app", "scope: world", "'world' is not known here"},
        {"then: retry }\n    - { at", "then: explode }\n    - { at",
         "errors.rules[2].then: 'explode' is not known here"},
        {"status: 500-599, ", "", "has no condition"},
        {"status: 500-599", "status: 5xx", "not a number: '5xx'"},
        {"status: 500-599", "status: 599-500", "runs backwards"},
        {"status: 500-599", "status: 50", "an HTTP status lies between 100 and 599"},
        {"then: wait, wait: 5m", "then: wait", "does not say how long"},
        {"then: wait, wait: 5m", "then: gone, wait: 5m", "only 'wait' and 'retry' take a time"},
        {"then: wait, wait: 5m", "then: wait, wait_until_midnight: Mars", "unknown time zone: 'Mars'"},
        {"names: \"metric (*)\"", "names: metric", "must have one '*' or '#' between two texts"},
        {"then: retry }\n    - { at", "then: retry, names: \"a*b\" }\n    - { at", "only 'bad_metric' names a metric"},
        {"at: /state, is_not", "is_not", "need 'at'"},
        {"  subcode: /error/subcode\n", "", ""},
        {"  code: /error/code\n", "", "nobody said where the code is"},
        {"{ code: 100, text", "{ code: 100, subcode: 1, text", ""},
        {"{ status: 500-599,", "{ code: 12, text: please slow down now,",
         "demo.yaml:52: errors.rules[2]: never decides: the rule of line 50 matches whatever it matches\n  hint: "
         "Put the narrower rule first."},
        {"{ status: 500-599,", "{ code: 12, subcode: 3, status: 400, text: SLOW DOWN,", "never decides"},
        {"{ status: 500-599,", "{ code: [12, 21], text: slow down,", ""},
        {"{ at: /state, is_not: fine, then: retry }", "{ status: 503, then: bug }", "never decides"},
        {"{ at: /state, is_not: fine, then: retry }", "{ status: 499-503, then: bug }", ""},
    };
    for (const auto& [from, to, message] : cases) {
        CAPTURE(from);
        CAPTURE(to);
        const auto told = complaint(from, to);
        CAPTURE(told);
        CHECK((message.empty() ? told.empty() : told.find(message) != std::string::npos));
    }
}

TEST_CASE("limits say whom they concern, over what time, and for which requests") {
    check_mistakes({
        {"per: 1h }", "per: 1h, resets: Mars }",
         "demo.yaml:42: limits[0].resets: unknown time zone: 'Mars'\n  hint: Write an IANA name such as "
         "America/Los_Angeles, or UTC."},
        {"per: 1h }", "per: 1h, resets: UTC }",
         "demo.yaml:42: limits[0].resets: only a window of a day resets at midnight\n  hint: Write 'per: 1d'."},
        {"per: 1h }", "per: 1d, resets: UTC }", ""},
        {"per: 1h }", "per: 31d }", "demo.yaml:42: limits[0].per: must be 1ms to 30d"},
        {"per: 1h }", "per: 1h, only_for: [stats, facts] }", ""},
        {"per: 1h }", "per: 1h, only_for: [stats, stat] }",
         "demo.yaml:42: limits[0].only_for[1]: there is no request 'stat'\n  hint: Write names of 'requests' or "
         "'lookups'."},
        {"per: 1h }", "per: 1h }\n  - { scope: app, requests: 1, per: 1s }",
         "demo.yaml:43: limits[1]: there are two limits 'app'\n  hint: Give each a 'name' of its own."},
        {"per: 1h }", "per: 1h }\n  - { scope: app, requests: 1, per: 1s, name: burst }", ""},
        {"per: 1h }", "per: 1h }\n  - { scope: token, requests: 1, per: 1s }", ""},
        {"per: 1h }", "per: 1h, name: a b }",
         "demo.yaml:42: limits[0].name: not a name: 'a b'\n  hint: Use letters, digits and '_', at most 100."},
        {"{ scope: app, requests", "{ requests", "demo.yaml:42: limits[0]: 'scope' is missing"},
        {"requests: 200", "requests: many", "demo.yaml:42: limits[0].requests: not a whole number: 'many'"},
    });
}

TEST_CASE("usage headers are percentages at places, or three numbers") {
    const std::string places = "scope: app, wait_minutes: /*/minutes }";
    check_mistakes({
        {places, "scope: app, percent: [/a, /b], wait_minutes: /c, slow_at: 50, stop_at: 50 }", ""},
        {places, "scope: app, limit_header: X-L, reset_header: X-R }", ""},
        {places, "wait_minutes: /*/minutes }", "demo.yaml:44: usage[0]: 'scope' is missing"},
        {places, "scope: app, limit_header: X-L }",
         "demo.yaml:44: usage[0]: 'limit_header' and 'reset_header' belong together\n  hint: Name both, or neither."},
        {places, "scope: app, reset_header: X-R }",
         "demo.yaml:44: usage[0]: 'limit_header' and 'reset_header' belong together\n  hint: Name both, or neither."},
        {places, "scope: app, limit_header: X-L, reset_header: X-R, percent: /a }",
         "demo.yaml:44: usage[0].percent: a header that is a number has no places"},
        {places, "scope: app, limit_header: X-L, reset_header: X-R, wait_minutes: /a }",
         "demo.yaml:44: usage[0].wait_minutes: a header that is a number has no places"},
        {places, "scope: app }",
         "demo.yaml:44: usage[0]: does not say where the usage is\n  hint: Add 'percent' or 'wait_minutes' with JSON "
         "pointers."},
        {places, "scope: app, percent: [/a, b] }",
         "demo.yaml:44: usage[0].percent[1]: not a JSON pointer: 'b'\n  hint: Write /member/0/member, with * for every "
         "element."},
        {places, "scope: app, percent: /a, slow_at: 96 }", "demo.yaml:44: usage[0]: 'slow_at' is above 'stop_at'"},
        {places, "scope: app, percent: /a, slow_at: 0 }", "demo.yaml:44: usage[0].slow_at: 0 is outside 1 to 100"},
        {places, "scope: app, percent: /a, stop_at: 101 }", "demo.yaml:44: usage[0].stop_at: 101 is outside 1 to 100"},
        {"header: X-Usage", "header: X Usage", "demo.yaml:44: usage[0].header: not the name of a header: 'X Usage'"},
    });
}

TEST_CASE("what a request may say of its days, accounts and numbers") {
    const std::string token = "    token: page\n";
    const auto also = [&](const std::string& line) { return token + "    " + line + "\n"; };
    check_mistakes({
        {token, also("final_after: 72h"), ""},
        {token, also("final_after: 96h"), ""},
        {token, also("final_after: 61d"), "demo.yaml:29: requests.stats.final_after: longer than 60 days"},
        {token, also("history: 60d"), ""},
        {token, also("history: 91d"), "demo.yaml:29: requests.stats.history: longer than day.history"},
        {token, also("history: 29d"), "demo.yaml:26: requests.stats.window: longer than the history"},
        {token, also("optional: true"), ""},
        {token, also("optional: maybe"),
         "demo.yaml:29: requests.stats.optional: not a yes or no: 'maybe'\n  hint: Write true or false."},
        {token, also("empty_without_scope: read_insights"), ""},
        {token, also("only_if: { kind: [a, b], size: big }"), ""},
        {token, also("only_if: { kind: [] }"),
         "demo.yaml:29: requests.stats.only_if.kind: names no value\n  hint: Write the values with which the request "
         "makes sense."},
        {token, also("metadata: { timeframe: this_month }"), ""},
        {token, also("metadata: { unit: x }"),
         "demo.yaml:29: requests.stats.metadata.unit: 'unit' has a meaning of its own in the metadata"},
        {token, also("compare: [clicks]"),
         "demo.yaml:29: requests.stats.compare[0]: no request before this one gives metric 'clicks'\n  hint: A number "
         "is compared with that of an earlier request."},
        {token, also("compare: [rate]"),
         "demo.yaml:29: requests.stats.compare[0]: metric 'rate' is not asked for\n  hint: Name it under 'metrics' of "
         "the request."},
        {"metrics: [clicks, rate]", "metrics: [clicks, rate]\n    compare: [clicks]",
         "demo.yaml:41: requests.split.compare: numbers with dimensions are compared with nothing\n  hint: Compare in "
         "a "
         "request without 'dimensions'."},
        {"    window: now\n", "    window: now\n    final_after: 1d\n",
         "demo.yaml:20: requests.profile.final_after: what only exists now has no days"},
        {"{ end: unix }", "{ end: utc }", ""},
    });
}

TEST_CASE("counts, lists of named numbers and amounts") {
    const std::string points = "{ shape: points, at: /list/*, day: /day, stats: \"\", sum: true }";
    const std::string totals = "{ shape: totals, at: /data, dimensions: [kind] }\n    metrics: [clicks, rate]";
    const std::string entries = "{ shape: points, at: /list/*, day: /day, stats: \"\", entries: ";
    check_mistakes({
        {totals, "{ shape: count, at: /data/*, unique: /id, below: 1000 }\n    metrics: [clicks]", ""},
        {totals, "{ shape: count, at: /data/*, unique: /id }\n    metrics: [clicks, rate]",
         "demo.yaml:39: requests.split.rows.shape: a list has one length\n  hint: Name one metric."},
        {totals, "{ shape: count, at: /data, unique: /id }\n    metrics: [clicks]",
         "demo.yaml:39: requests.split.rows.at: must lead to every element of the list\n  hint: Write it like "
         "/data/*."},
        {totals, "{ shape: count, at: /data/* }\n    metrics: [clicks]",
         "demo.yaml:39: requests.split.rows: 'unique' is missing"},
        {totals, "{ shape: count, at: /data/*, unique: /id, below: 0 }\n    metrics: [clicks]",
         "demo.yaml:39: requests.split.rows.below: 0 is outside 1 to 10000000"},
        {points, "{ shape: count, at: /list/*, unique: /id }",
         "demo.yaml:32: requests.stats.rows.shape: a count has no date of its own\n  hint: Write 'window: day': one "
         "request for each day."},
        {points, entries + "{ name: /n, values: /v/*, where: /w, is: ALL, value: /x } }", ""},
        {points, entries + "{ name: /n, values: /v/*, where: /w, value: /x } }",
         "demo.yaml:32: requests.stats.rows.entries: 'is' is missing"},
        {points, "{ shape: series, at: /list, amount: /microAmount, currency: /currency }", ""},
        {"dimensions: [kind] }", "dimensions: [kind], amount: /a }",
         "demo.yaml:39: requests.split.rows: only a series has amounts\n  hint: Write 'shape: series'."},
        {"followers: { unit: count }", "followers: { unit: count, currency: USD }",
         "demo.yaml:13: metrics.followers.currency: only money has a currency"},
        {"followers: { unit: count }", "followers: { unit: currency, currency: US$ }",
         "demo.yaml:13: metrics.followers.currency: not a currency: 'US$'\n  hint: Write its ISO 4217 code, such as "
         "USD."},
        {"followers: { unit: count }", "followers: { unit: micro_currency, currency: USD }", ""},
    });
}

TEST_CASE("whom a wait concerns, which metric an error names, how long a version lasts") {
    check_mistakes({
        {"then: wait, wait: 5m", "then: wait, wait: 5m, scope: token", ""},
        {"then: wait, wait: 5m", "then: wait, wait: 5m, scope: all",
         "demo.yaml:50: errors.rules[0].scope: 'all' is not known here\n  hint: One of: app, token, account."},
        {"then: retry }\n    - { at", "then: retry, scope: app }\n    - { at",
         "demo.yaml:52: errors.rules[2].scope: only 'wait' concerns more than its account"},
        {"\"metric (*)\"", "\"metric[#]\"", ""},
        {"\"metric (*)\"", "\"a*b#c\"",
         "demo.yaml:51: errors.rules[1].names: must have one '*' or '#' between two texts\n  hint: Write it like: "
         "\"metric (*)\", or \"metric[#]\" where the message counts from 0."},
        {"\"metric (*)\"", "\"#]\"",
         "demo.yaml:51: errors.rules[1].names: must have one '*' or '#' between two texts\n  hint: Write it like: "
         "\"metric (*)\", or \"metric[#]\" where the message counts from 0."},
        {"version: v1, ", "version: v1, version_until: 2028-07-29, ", ""},
        {"version: v1, ", "version: v1, version_until: soon, ",
         "demo.yaml:4: api.version_until: not a date: 'soon'\n  hint: Write YYYY-MM-DD."},
        {"version: v1, version_header: X-Version", "version_until: 2028-07-29",
         "demo.yaml:4: api.version_until: there is no version that could end\n  hint: Give the API a 'version'."},
    });
}

TEST_CASE("loopback may be asked without encryption") {
    for (const auto* base : {"http://127.0.0.1:8080", "http://localhost", "http://[::1]:1"})
        CHECK(complaint("https://api.demo.example", base) == "");
}

TEST_CASE("later directories replace files of earlier ones; names must agree") {
    const Folder shipped_files{"tally-catalog-a"}, own_files{"tally-catalog-b"};
    auto other = kFile;
    other.replace(other.find("title: Demo"), 11, "title: Mine");
    shipped_files.write("demo.yaml", kFile);
    shipped_files.write("README", "not a platform");
    own_files.write("demo.yaml", other);
    const std::vector<std::string> both{shipped_files.path(), "/nonexistent/directory", own_files.path()};
    CHECK(Catalog::load(both).find("demo")->title == "Mine");
    CHECK(Catalog::load({shipped_files.path()}).find("demo")->title == "Demo");
    CHECK(Catalog::load(both).all().size() == 1);
    CHECK(Catalog::load({}).all().empty());
    own_files.write("other.yaml", kFile);
    CHECK_THROWS_WITH_AS(Catalog::load(both),
                         doctest::Contains("other.yaml:1: platform: 'demo' does not match the name of the file"),
                         Error);
}

TEST_CASE("a platform outlives its catalog") {
    std::shared_ptr<const Platform> kept;
    {
        const Folder folder{"tally-catalog-c"};
        folder.write("demo.yaml", kFile);
        kept = Catalog::load({folder.path()}).find("demo");
    }
    CHECK(kept->title == "Demo");
}
