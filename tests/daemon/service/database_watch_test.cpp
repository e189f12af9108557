// SPDX-License-Identifier: Apache-2.0
// What is told of the database's trouble, and how long it has lasted.
#include "daemon/service/database_watch.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <memory>

#include "common/error.hpp"

using namespace tally;
using namespace std::chrono_literals;
using service::DatabaseWatch;

namespace {

constexpr DatabaseWatch::Clock::time_point kStart{1h};

/// A log in a file, and what stands in it.
class Written {
    struct Close {
        void operator()(std::FILE* file) const noexcept { std::fclose(file); }
    };
    std::unique_ptr<std::FILE, Close> file_{std::tmpfile()};

public:
    service::Log log{service::Level::debug, service::LogFormat::text, file_.get()};

    /// How often the words appear.
    int count(const std::string& words) const {
        std::fflush(file_.get());
        std::rewind(file_.get());
        std::string text(64U << 10U, '\0');
        text.resize(std::fread(text.data(), 1, text.size(), file_.get()));
        int found = 0;
        for (auto at = text.find(words); at != std::string::npos; at = text.find(words, at + 1)) ++found;
        return found;
    }
};

}  // namespace

TEST_CASE("each task's trouble is told once, and its end once") {
    Written written;
    DatabaseWatch watch{written.log, 6s, kStart};
    const Error error{Fault::unreachable, "nobody answers"};
    for (int second = 1; second <= 30; ++second) {
        watch.failed("store results", "they wait", error, kStart + second * 1s);
        if (second > 10) watch.failed("claim work", "nothing begins", error, kStart + second * 1s);
    }
    CHECK(written.count("cannot store results") == 1);
    CHECK(written.count("cannot claim work") == 1);
    CHECK(written.count("they wait") == 1);
    CHECK(written.count("nobody answers") == 2);
    CHECK(watch.trouble(kStart + 31s) == 31s);  // since the last answer
    CHECK(watch.error() == "nobody answers");

    watch.answered("claim work", kStart + 40s);
    CHECK(written.count("answers again") == 0);
    CHECK(watch.trouble(kStart + 40s) == 39s);  // an answer for one is none for the other
    watch.answered("store results", kStart + 41s);
    CHECK(written.count("answers again") == 1);
    CHECK(written.count("40s") == 1);
    CHECK(watch.trouble(kStart + 41s) == 0s);
    CHECK(watch.error().empty());

    watch.answered("store results", kStart + 42s);
    CHECK(written.count("answers again") == 1);
    watch.failed("store results", "they wait", error, kStart + 43s);
    CHECK(written.count("cannot store results") == 2);
}

TEST_CASE("silence is trouble too, but not at once") {
    Written written;
    DatabaseWatch watch{written.log, 6s, kStart};
    CHECK(watch.trouble(kStart + 6s) == 0s);
    CHECK(watch.trouble(kStart + 7s) == 7s);
    watch.answered("claim work", kStart + 8s);
    CHECK(watch.trouble(kStart + 9s) == 0s);
    CHECK(written.count("answers again") == 0);  // nobody had been told anything
}
