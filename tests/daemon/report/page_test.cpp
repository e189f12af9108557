// SPDX-License-Identifier: Apache-2.0
// Reports as pages and texts, with the templates that are shipped and with others.
#include "daemon/report/page.hpp"

#include <doctest/doctest.h>

#include <filesystem>

#include "common/error.hpp"
#include "tests/common/analysis/series_fixture.hpp"
#include "tests/common/config/environment.hpp"

using namespace tally;
using namespace tally::report;
using analysis::Summary;
using test::day;
using test::series_of;

namespace {

constexpr const char* kShipped = TALLY_SOURCE_DIR "/etc/templates";
const DayRange kWeek{day("2026-11-09"), day("2026-11-15")};

Report report_of(std::vector<analysis::Series> series, const std::string& user = "u") {
    return compose(user, kWeek, parse_instant("2026-11-16T07:00:00Z").value(), series, {});
}

/// Two weeks, the last of which is reported.
analysis::Series views() {
    return series_of(Summary::total, "2026-11-02", {1, 2, 3, 4, 5, 6, 7, 10, 20, 30, 40, 50, 60, 70});
}

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++found;
    return found;
}

bool holds(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a page has figures, chart and days, and needs nothing from elsewhere") {
    const auto templates = load_templates({kShipped});
    const auto page = render_html(report_of({views()}), templates);
    CHECK(holds(page, "<span class=\"value\">280</span>"));
    CHECK(holds(page, "<span class=\"up change\">+252 (+900.0 %)</span>"));
    CHECK(holds(page, "best Sun 70, worst Mon 10"));
    CHECK(count(page, "class=\"now\"") == 7);
    CHECK(count(page, "class=\"past\"") == 7);
    CHECK(holds(page, "<title>2026-11-10: 20</title>"));
    CHECK(holds(page, "<td>20</td><td>30</td>"));
    for (const auto* outside : {"src=", "href=", "url(", "@import", "<script", "{{"}) CHECK_FALSE(holds(page, outside));
    const auto text = render_text(report_of({views()}), templates);
    CHECK(text.starts_with("u: week from 2026-11-09 to 2026-11-15\n"));
    CHECK(holds(text, "  views: 280, +252 (+900.0 %)\n"));
}

TEST_CASE("a day without a number is a dash, a number that may change is marked") {
    auto gap = views();
    gap.points.erase(gap.points.begin() + 9);
    gap.points.back().final = false;
    const auto page = render_html(report_of({gap}), load_templates({kShipped}));
    CHECK(holds(page, "1 of 7 days without a number, 1 not final"));
    CHECK(holds(page, "<td>20</td><td>–</td><td>40</td>"));
    CHECK(holds(page, "<td>70*</td>"));
    CHECK(count(page, "class=\"now\"") == 5);
    CHECK(count(page, "class=\"open\"") == 1);
    CHECK(holds(page, "<title>2026-11-15: 70, not final</title>"));
}

TEST_CASE("a counter's chart is a line that ends where numbers end") {
    auto counter = series_of(Summary::latest, "2026-11-02", {1, 2, 3, 4, 5, 6, 7, 10, 20, 30, 40, 50, 60, 70});
    counter.points.erase(counter.points.begin() + 9);
    const auto report = report_of({counter});
    const auto chart = render_chart(report.accounts[0].lines[0], kWeek);
    CHECK(count(chart, "<circle") == 6);
    CHECK(count(chart, "<rect") == 0);
    const auto path = chart.substr(chart.find(" d=\"") + 4);
    CHECK(count(path.substr(0, path.find('"')), "M") == 2);
}

TEST_CASE("what users, accounts and metrics are called is text, never markup") {
    auto hostile = views();
    hostile.account_id = "<img src=x onerror=alert(1)>";
    hostile.metric = "views.type.\"><script>alert(2)</script>{{user}}";
    auto plain = views();
    plain.account_id = hostile.account_id;
    plain.metric = "a\"><b>";
    const auto page =
        render_html(report_of({plain, hostile}, "</title><script>alert(3)</script>"), load_templates({kShipped}));
    CHECK_FALSE(holds(page, "<script"));
    CHECK_FALSE(holds(page, "<img"));
    CHECK_FALSE(holds(page, "<b>"));
    CHECK(holds(page, "&lt;img src"));
    CHECK(holds(page, "{{user}}"));  // what a name holds is no template
    CHECK(holds(page, "aria-label=\"a&quot;&gt;&lt;b&gt; by day\""));
}

TEST_CASE("a template beside the configuration counts before the shipped one, one by one") {
    const test::Directory directory;
    directory.write("report.txt", "{{user}}!{{#accounts}} {{account}}{{/accounts}}");
    const auto templates = load_templates({kShipped, directory.path()});
    CHECK(render_text(report_of({views()}), templates) == "u! a");
    CHECK(holds(render_html(report_of({views()}), templates), "<h1>u</h1>"));
}

TEST_CASE("a template that is none is refused with its name") {
    const test::Directory directory;
    const auto refusal = [&](const std::string& text) -> std::string {
        directory.write("report.html", text);
        try {
            load_templates({kShipped, directory.path()});
        } catch (const Error& error) {
            CHECK(error.fault() == Fault::config);
            return error.what();
        }
        return {};
    };
    CHECK(holds(refusal("{{#accounts}} and no end"), directory.path() + "/report.html: "));
    CHECK(holds(refusal("{{user"), directory.path() + "/report.html: "));
    CHECK(refusal("").empty());  // nothing at all is a template
    std::filesystem::remove(directory.path() + "/report.html");
    std::filesystem::create_directory(directory.path() + "/report.html");
    CHECK_THROWS_AS(load_templates({kShipped, directory.path()}), Error);
    std::filesystem::remove(directory.path() + "/report.html");
    CHECK_NOTHROW(load_templates({kShipped, directory.path()}));
    CHECK_THROWS_AS(load_templates({directory.path()}), Error);  // no report.txt
}
