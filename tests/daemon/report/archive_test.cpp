// SPDX-License-Identifier: Apache-2.0
// Reports as files.
#include "daemon/report/archive.hpp"

#include <doctest/doctest.h>

#include <filesystem>

#include "common/error.hpp"
#include "tests/common/analysis/series_fixture.hpp"
#include "tests/common/config/environment.hpp"

using namespace tally;
using namespace tally::report;
using test::day;

namespace fs = std::filesystem;

namespace {

const Templates kTemplates{.html = "page of {{user}}", .text = "text of {{user}}"};

Report report_of(const std::string& user, const char* monday) {
    return compose(user, week_of(day(monday)), parse_instant("2026-11-16T07:00:00Z").value(),
                   {test::series_of(analysis::Summary::total, monday, {1, 2, 3})}, {});
}

std::size_t files_in(const std::string& directory) {
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(directory)) count += entry.is_regular_file() ? 1U : 0U;
    return count;
}

}  // namespace

TEST_CASE("what is kept is read again in every form, and replaced as a whole") {
    const test::Directory directory;
    const Archive archive{directory.path() + "/reports"};
    CHECK(archive.read("u", day("2026-11-09"), Format::html) == std::nullopt);
    const auto sizes = archive.keep(report_of("u", "2026-11-09"), kTemplates);
    CHECK(archive.read("u", day("2026-11-09"), Format::html) == "page of u");
    CHECK(archive.read("u", day("2026-11-09"), Format::text) == "text of u");
    const auto workbook = archive.read("u", day("2026-11-09"), Format::xlsx);
    REQUIRE(workbook);
    CHECK(workbook->starts_with("PK"));
    CHECK(sizes.html == 9);
    CHECK(sizes.xlsx == static_cast<std::int64_t>(workbook->size()));
    archive.keep(report_of("u", "2026-11-09"), {.html = "other", .text = ""});
    CHECK(archive.read("u", day("2026-11-09"), Format::html) == "other");
    CHECK(files_in(directory.path()) == 3);
    for (const auto& entry : fs::recursive_directory_iterator(directory.path()))
        CHECK((entry.status().permissions() & (fs::perms::others_all | fs::perms::group_write)) == fs::perms::none);
}

TEST_CASE("whatever a user is called, the file is in the week's directory and nobody else's") {
    const test::Directory directory;
    const Archive archive{directory.path()};
    std::string wide;
    for (int i = 0; i < 100; ++i) wide += "ü";
    const std::vector<std::string> users{"sha256-",  "../../../etc/u",     "..", "a/b", "a%2Fb", "a b", wide,
                                         wide + "x", std::string(200, 'x')};
    for (const auto& user : users) archive.keep(report_of(user, "2026-11-09"), kTemplates);
    for (const auto& user : users) CHECK(archive.read(user, day("2026-11-09"), Format::text) == "text of " + user);
    CHECK(files_in(directory.path() + "/2026-11-09") == 3 * users.size());
    CHECK(files_in(directory.path()) == 3 * users.size());
}

TEST_CASE("a file that a power cut has emptied is none") {
    const test::Directory directory;
    const Archive archive{directory.path()};
    archive.keep(report_of("u", "2026-11-09"), kTemplates);
    directory.write("2026-11-09/u.xlsx", "");
    CHECK(archive.read("u", day("2026-11-09"), Format::xlsx) == std::nullopt);
    CHECK(archive.read("u", day("2026-11-09"), Format::html));
}

TEST_CASE("weeks before are dropped, and nothing that is no week") {
    const test::Directory directory;
    const Archive archive{directory.path()};
    for (const auto* monday : {"2026-10-26", "2026-11-02", "2026-11-09"})
        archive.keep(report_of("u", monday), kTemplates);
    directory.write("notes", "mine");
    CHECK(archive.drop_before(day("2026-11-09")) == 2);
    CHECK(archive.read("u", day("2026-11-02"), Format::html) == std::nullopt);
    CHECK(archive.read("u", day("2026-11-09"), Format::html));
    CHECK(fs::exists(directory.path() + "/notes"));
    CHECK(Archive{directory.path() + "/none"}.drop_before(day("2026-11-09")) == 0);
}

TEST_CASE("a disk that refuses is an error that names the file, and leaves what was") {
    const test::Directory directory;
    const Archive archive{directory.path()};
    archive.keep(report_of("u", "2026-11-09"), kTemplates);
    fs::create_directory(directory.path() + "/2026-11-09/u.html.new");  // where the new page would be written
    try {
        archive.keep(report_of("u", "2026-11-09"), {.html = "other", .text = "other"});
        FAIL("kept");
    } catch (const Error& error) {
        CHECK(std::string{error.what()}.find("/2026-11-09/u.html.new'") != std::string::npos);
    }
    CHECK(archive.read("u", day("2026-11-09"), Format::html) == "page of u");
    directory.write("file", "");
    CHECK_THROWS_AS(Archive{directory.path() + "/file"}.keep(report_of("u", "2026-11-09"), kTemplates), Error);
}
