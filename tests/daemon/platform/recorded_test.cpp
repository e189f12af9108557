// SPDX-License-Identifier: Apache-2.0
// Every recorded answer gives its rows, however its metrics are divided and however often it is asked for.
#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <set>

#include "common/error.hpp"
#include "daemon/platform/classify.hpp"
#include "daemon/platform/request.hpp"
#include "tests/daemon/platform/recorded.hpp"

using namespace tally;
using namespace tally::platform;
using namespace tally::platform::test;

namespace {

Extraction::Result extract(const Recorded& recorded, const Task& task) {
    Extraction extraction{*recorded.platform, recorded.who, task, recorded.now};
    for (const auto& answer : recorded.answers) extraction.add_page(answer);
    return extraction.finish();
}

}  // namespace

TEST_CASE("recorded: every answer becomes the rows beside it") {
    for (const auto& recorded : all_recorded()) {
        CAPTURE(recorded.name);
        Extraction extraction{*recorded.platform, recorded.who, recorded.task, recorded.now};
        std::vector<std::string> pages;
        for (std::size_t i = 0; i < recorded.answers.size(); ++i) {
            const auto& answer = recorded.answers[i];
            CHECK(classify(*recorded.platform, {.status = 200, .headers = {}, .body = answer}, recorded.now).outcome ==
                  Outcome::ok);
            extraction.add_page(answer);
            const auto next = extraction.next_page();
            REQUIRE(next.has_value() == (i + 1 < recorded.answers.size()));
            if (next) pages.push_back(render_page(*recorded.platform, recorded.who, recorded.task, *next).url);
        }
        CHECK(fmt::format("{}", fmt::join(pages, "\n")) == fmt::format("{}", fmt::join(recorded.pages, "\n")));
        const auto result = extraction.finish();
        CHECK(fmt::format("{}", fmt::join(rows_of(result.samples), "\n")) ==
              fmt::format("{}", fmt::join(recorded.rows, "\n")));
        CHECK(fmt::format("{}", fmt::join(rows_of(result.compared), "\n")) ==
              fmt::format("{}", fmt::join(recorded.compared, "\n")));
        CHECK(fmt::format("{}", fmt::join(states_of(result.days), ", ")) ==
              fmt::format("{}", fmt::join(recorded.states, ", ")));
        CHECK(result.missing_values == recorded.missing);
    }
}

TEST_CASE("recorded: every shipped platform has two cases at least, and so has every shape") {
    std::map<std::string, int> platforms;
    std::map<Rows::Shape, int> shapes;
    for (const auto& recorded : all_recorded()) {
        ++platforms[recorded.platform->name];
        ++shapes[recorded.task.request->rows.shape];
    }
    for (const auto& platform : Catalog::load({TALLY_SOURCE_DIR "/etc/platforms"}).all()) {
        CAPTURE(platform->name);
        CHECK(platforms[platform->name] >= 2);
    }
    CHECK(shapes.size() == 6);
    for (const auto& [shape, cases] : shapes) CHECK(cases >= 2);
}

TEST_CASE("recorded: a request halved by its metrics gives the same rows as the whole") {
    const auto all = all_recorded();
    CHECK(rc::check([&] {
        const auto& recorded = all[*rc::gen::inRange<std::size_t>(0, all.size())];
        const auto whole = extract(recorded, recorded.task);
        auto first = recorded.task, second = recorded.task;
        first.metrics.clear(), second.metrics.clear();
        for (const auto& metric : recorded.task.metrics)
            (*rc::gen::arbitrary<bool>() ? first : second).metrics.push_back(metric);
        std::vector<Sample> samples;
        unsigned missing = 0;
        for (const auto& half : {first, second}) {
            if (half.metrics.empty()) continue;
            auto part = extract(recorded, half);
            std::move(part.samples.begin(), part.samples.end(), std::back_inserter(samples));
            missing += part.missing_values;
        }
        RC_ASSERT(rows_of(samples) == rows_of(whole.samples));
        RC_ASSERT(missing == whole.missing_values);
    }));
}

TEST_CASE("recorded: a range asked day by day gives the same rows and states") {
    const auto all = all_recorded();
    for (const auto& recorded : all) {
        // A window of one day selects what the whole answer has of it.
        if (!recorded.task.days || recorded.task.request->rows.shape == Rows::Shape::count) continue;
        CAPTURE(recorded.name);
        std::vector<Sample> samples;
        DayMap days;
        for (auto day = recorded.task.days->first; day <= recorded.task.days->last; day += std::chrono::days{1}) {
            auto task = recorded.task;
            task.days = DayRange{day, day};
            auto part = extract(recorded, task);
            std::move(part.samples.begin(), part.samples.end(), std::back_inserter(samples));
            days.merge(part.days);
        }
        CHECK(rows_of(samples) == recorded.rows);
        CHECK(states_of(days) == recorded.states);
    }
}

TEST_CASE("recorded: after a broken page the answer as a whole is asked again, with the same rows") {
    const auto all = all_recorded();
    CHECK(rc::check([&] {
        const auto& recorded = all[*rc::gen::inRange<std::size_t>(0, all.size())];
        const auto broken = *rc::gen::inRange<std::size_t>(0, recorded.answers.size());
        Extraction failing{*recorded.platform, recorded.who, recorded.task, recorded.now};
        for (std::size_t i = 0; i < broken; ++i) failing.add_page(recorded.answers[i]);
        const auto& body = recorded.answers[broken];
        const auto cut = body.substr(0, *rc::gen::inRange<std::size_t>(0, body.rfind('}')));
        RC_ASSERT_THROWS_AS(failing.add_page(cut), Error);
        RC_ASSERT_THROWS_AS(failing.finish(), Error);
        const auto later = extract(recorded, recorded.task);
        RC_ASSERT(rows_of(later.samples) == recorded.rows);
        RC_ASSERT(states_of(later.days) == recorded.states);
    }));
}
