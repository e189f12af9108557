// SPDX-License-Identifier: Apache-2.0
// tally-platform(5) says what the program does: its example works as shown, and its keys are those of the loaders.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>

#include "daemon/platform/classify.hpp"
#include "daemon/platform/extraction.hpp"
#include "daemon/platform/request.hpp"
#include "tests/daemon/platform/fixtures.hpp"

using namespace tally;
using namespace tally::platform;
using namespace tally::platform::test;

namespace {

namespace fs = std::filesystem;

using Words = std::set<std::string>;

const fs::path kSource{TALLY_SOURCE_DIR};
const auto kNow = at("2026-11-18T20:00:00Z");  // "On 18 November at 20:00 UTC" of the page

std::string read_text(const fs::path& path) {
    std::ifstream in{path, std::ios::binary};
    REQUIRE_MESSAGE(in, path.string());
    return {std::istreambuf_iterator<char>{in}, {}};
}

const std::string& page() {
    static const std::string text = read_text(kSource / "man" / "tally-platform.5");
    return text;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream{text};
    for (std::string line; std::getline(stream, line);) lines.push_back(std::move(line));
    return lines;
}

/// A line of a literal block as the reader sees it; an escape that is not known here fails the test.
std::string unescaped(const std::string& line) {
    REQUIRE_FALSE(line.starts_with('.'));
    REQUIRE_FALSE(line.starts_with('\''));
    const std::pair<std::string_view, std::string_view> escapes[] = {
        {"\\e", "\\"}, {"\\&", ""}, {"\\-", "-"}, {"\\(dq", "\""}, {"\\(aq", "'"}};
    std::string result;
    for (std::string_view rest{line}; !rest.empty();) {
        const auto* escape = std::find_if(std::begin(escapes), std::end(escapes),
                                          [&](const auto& known) { return rest.starts_with(known.first); });
        if (escape != std::end(escapes)) {
            result += escape->second;
            rest.remove_prefix(escape->first.size());
            continue;
        }
        REQUIRE_MESSAGE(rest.front() != '\\', line);
        result += rest.front();
        rest.remove_prefix(1);
    }
    return result;
}

/// The literal block that follows the comment `.\" block NAME`.
std::string block(const std::string& name) {
    const auto lines = lines_of(page());
    auto line = std::find(lines.begin(), lines.end(), ".\\\" block " + name);
    REQUIRE_MESSAGE(line != lines.end(), name);
    REQUIRE((++line)->starts_with(".Bd -literal"));
    std::string text;
    for (++line; *line != ".Ed"; ++line) {
        text += unescaped(*line) + "\n";
        REQUIRE(line + 1 != lines.end());
    }
    return text;
}

const Platform& acme() {
    static const Platform platform = load_platform(YamlNode::parse(block("acme.yaml"), "acme.yaml"));
    return platform;
}

/// What is asked on the day of the page, with two days to be asked for.
std::vector<Task> tasks() {
    static const Coverage nothing;
    return plan({.platform = acme(),
                 .zone = day_zone(acme(), target()),
                 .coverage = nothing,
                 .now = kNow,
                 .backfill = std::chrono::days{2},
                 .forced = {}})
        .tasks;
}

/// A request as the page shows it. The order of the parameters is that of the file, so it is read from the URL.
std::string shown(const HttpRequest& request) {
    const auto question = std::min(request.url.find('?'), request.url.size());
    auto text = fmt::format("{} {}\n", request.method, request.url.substr(0, question));
    for (auto from = question; from < request.url.size();) {
        const auto end = std::min(request.url.find('&', from + 1), request.url.size());
        const auto parameter = query_of("?" + request.url.substr(from + 1, end - from - 1));
        REQUIRE(parameter.size() == 1);
        text += fmt::format("    {}={}\n", parameter.begin()->first, parameter.begin()->second);
        from = end;
    }
    return text;
}

/// A line of a table without its padding.
std::string cells_of(const std::string& line) {
    std::istringstream stream{line};
    const std::vector<std::string> words{std::istream_iterator<std::string>{stream}, {}};
    return fmt::format("{}\n", fmt::join(words, " "));
}

/// The rows of a table in the page, without its head.
std::string rows_shown(const std::string& name) {
    const auto lines = lines_of(block(name));
    REQUIRE(lines.size() > 1);
    CHECK(cells_of(lines.front()) == "DATE METRIC VALUE UNIT FINAL\n");
    std::string rows;
    for (auto line = lines.begin() + 1; line != lines.end(); ++line) rows += cells_of(*line);
    return rows;
}

/// The rows that come of an answer, in the order of day and metric.
std::string rows_of(const Task& task, const std::string& answer) {
    Extraction extraction{acme(), target(), task, kNow};
    extraction.add_page(answer);
    CHECK_FALSE(extraction.next_page());
    std::vector<std::string> rows;
    for (const auto& sample : extraction.finish().samples) {
        const auto metadata = nlohmann::json::parse(sample.metadata);
        rows.push_back(fmt::format("{} {} {} {} {}\n", render_day(sample.day), sample.metric, sample.value,
                                   metadata.at("unit").get<std::string>(),
                                   metadata.at("final").get<bool>() ? "yes" : "no"));
    }
    std::sort(rows.begin(), rows.end());
    return fmt::format("{}", fmt::join(rows, ""));
}

/// What the program takes in one place, as the sources of the loaders write it.
struct Vocabulary {
    std::vector<Words> keys;     // of one map: allow({…})
    std::vector<Words> choices;  // of one value: choice({…})
    Words reserved;              // members of the metadata that a file cannot set
};

Words quoted_words(const std::string& list) {
    static const std::regex word{"\"([A-Za-z0-9_]+)\""};
    Words words;
    for (std::sregex_iterator match{list.begin(), list.end(), word}, end; match != end; ++match)
        words.insert((*match)[1]);
    return words;
}

/// Every list that follows a call; a call without a list of words fails the test, as it would go unseen.
std::vector<Words> lists_of(const std::string& source, const std::string& call) {
    const std::regex pattern{"(?:[.]|->)" + call + R"(\(\s*\{([^}]*)\}\))"}, any{"(?:[.]|->)" + call + R"(\()"};
    std::vector<Words> lists;
    for (std::sregex_iterator match{source.begin(), source.end(), pattern}, end; match != end; ++match)
        lists.push_back(quoted_words((*match)[1]));
    const auto calls = std::distance(std::sregex_iterator{source.begin(), source.end(), any}, std::sregex_iterator{});
    CHECK(static_cast<std::size_t>(calls) == lists.size());
    for (const auto& list : lists) CHECK_FALSE(list.empty());
    return lists;
}

Vocabulary read_vocabulary() {
    Vocabulary vocabulary;
    const auto append = [](std::vector<Words>& into, std::vector<Words> lists) {
        std::move(lists.begin(), lists.end(), std::back_inserter(into));
    };
    for (const auto& file : fs::directory_iterator{kSource / "daemon" / "platform"}) {
        if (file.path().extension() != ".cpp") continue;
        CAPTURE(file.path().string());
        const auto source = read_text(file.path());
        append(vocabulary.keys, lists_of(source, "allow"));
        append(vocabulary.choices, lists_of(source, "choice"));
        std::smatch reserved;
        if (std::regex_search(source, reserved, std::regex{R"(kReserved\{([^}]*)\})"}))
            vocabulary.reserved = quoted_words(reserved[1]);
    }
    return vocabulary;
}

struct Item {
    std::string section, body;
};
using Items = std::map<std::string, Item>;  // of one list of the page, by key

/// The section KEYS: its lists of keys, and the words that stand together in a sentence.
struct Keys {
    std::vector<Items> lists;
    std::vector<Words> sentences;
};

Words macro_words(const std::string& line) {
    static const std::regex word{"[A-Za-z0-9_]+"};
    Words words;
    // The macro itself is the first word.
    for (std::sregex_iterator match{line.begin(), line.end(), word}, end; match != end; ++match)
        if (match->position() > 1) words.insert(match->str());
    return words;
}

Keys read_keys() {
    Keys keys;
    std::vector<Items> open;
    std::vector<std::string> current;  // the item that is being read, of each open list
    std::string section;
    bool inside = false;
    for (const auto& line : lines_of(page())) {
        if (line.starts_with(".Sh ")) inside = line == ".Sh KEYS";
        if (!inside) continue;
        if (line.starts_with(".Ss ")) section = line.substr(4);
        if (line.starts_with(".Bl ")) {
            open.emplace_back();
            current.emplace_back();
        } else if (line == ".El") {
            REQUIRE_FALSE(open.empty());
            if (!open.back().empty()) keys.lists.push_back(std::move(open.back()));
            open.pop_back();
            current.pop_back();
        } else if (line.starts_with(".It Cm ")) {
            REQUIRE_FALSE(open.empty());
            current.back() = line.substr(7);
            open.back()[current.back()] = {.section = section, .body = {}};
        } else {
            if (line.starts_with(".Cm ")) keys.sentences.push_back(macro_words(line));
            if (!open.empty() && !current.back().empty()) open.back()[current.back()].body += line + "\n";
        }
    }
    REQUIRE(open.empty());
    return keys;
}

Words names_of(const Items& items) {
    Words names;
    for (const auto& [name, item] : items) names.insert(name);
    return names;
}

bool within(const Words& inner, const Words& outer) {
    return std::includes(outer.begin(), outer.end(), inner.begin(), inner.end());
}

std::string listed(const Words& words) {
    return fmt::format("{}", fmt::join(words, ", "));
}

/// What the page says of one key.
std::string body_of(const Keys& keys, const std::string& section, const std::string& key) {
    for (const auto& items : keys.lists) {
        const auto found = items.find(key);
        if (found != items.end() && found->second.section == section) return found->second.body;
    }
    FAIL(section << " does not explain " << key);
    return {};
}

}  // namespace

TEST_CASE("manual: the example is a platform file without an error") {
    CHECK(acme().name == "acme");
    CHECK(block("check") == acme().name + ": ok\n");
    CHECK(acme().requests.size() == 3);
    CHECK(acme().limits.size() == 1);
    CHECK(acme().usage.size() == 1);
}

TEST_CASE("manual: the example's requests are those that are shown") {
    std::string text;
    for (const auto& task : tasks()) text += shown(render(acme(), target(), task));
    CHECK(text == block("requests"));
}

TEST_CASE("manual: the example's answers become the rows that are shown") {
    const auto all = tasks();
    REQUIRE(all.size() == 4);
    CHECK(rows_of(all[1], block("answer")) == rows_shown("rows"));
    CHECK(rows_of(all[2], block("split answer")) == rows_shown("split rows"));
}

TEST_CASE("manual: the example's refusal names the metric, and a good answer is none") {
    const auto verdict = classify(acme(), {.status = 400, .headers = {}, .body = block("refusal")}, kNow);
    CHECK(verdict.outcome == Outcome::bad_metric);
    CHECK(verdict.metric == "visitors");
    CHECK(classify(acme(), {.status = 200, .headers = {}, .body = block("answer")}, kNow).outcome == Outcome::ok);
}

TEST_CASE("manual: every key and every value that a platform file may have is explained, where it stands together") {
    const auto vocabulary = read_vocabulary();
    const auto keys = read_keys();
    const auto in_a_list = [&](const Words& words) {
        return std::any_of(keys.lists.begin(), keys.lists.end(),
                           [&](const Items& items) { return within(words, names_of(items)); });
    };
    const auto in_a_sentence = [&](const Words& words) {
        return std::any_of(keys.sentences.begin(), keys.sentences.end(),
                           [&](const Words& sentence) { return within(words, sentence); });
    };
    REQUIRE_FALSE(vocabulary.keys.empty());
    for (const auto& words : vocabulary.keys) CHECK_MESSAGE(in_a_list(words), listed(words));
    REQUIRE_FALSE(vocabulary.choices.empty());
    for (const auto& words : vocabulary.choices)
        CHECK_MESSAGE((in_a_list(words) || in_a_sentence(words)), listed(words));
    REQUIRE_FALSE(vocabulary.reserved.empty());
    CHECK_MESSAGE(in_a_sentence(vocabulary.reserved), listed(vocabulary.reserved));
}

TEST_CASE("manual: no key is explained that a platform file may not have there") {
    const auto vocabulary = read_vocabulary();
    for (const auto& items : read_keys().lists) {
        const auto explained = names_of(items);
        Words known;
        for (const auto* lists : {&vocabulary.keys, &vocabulary.choices}) {
            for (const auto& words : *lists)
                if (within(words, explained)) known.insert(words.begin(), words.end());
        }
        CHECK(listed(explained) == listed(known));
    }
}

TEST_CASE("manual: the defaults are those of the program") {
    const auto keys = read_keys();
    const auto check = [&](const std::string& section, const std::string& key, const auto& value) {
        CAPTURE(key);
        const auto body = body_of(keys, section, key);
        CAPTURE(body);
        CHECK(body.find(fmt::format("Default: {}.\n", value)) != std::string::npos);
    };
    check("auth", "header", Auth{}.header);
    check("auth", "scheme", Auth{}.scheme);
    check("Logins", "proof", Login{}.proof);
    check("Authorize", "pkce", Login::Authorize{}.pkce);
    check("Token requests", "method", TokenRequest{}.method);
    // Every default place of an answer, as the example leaves them all out.
    const auto& code = acme().auth.logins.front().code.value();
    check("Token requests", "access_token", code.access_token.front().text());
    check("Token requests", "refresh_token", code.refresh_token.front().text());
    check("Token requests", "expires_in", code.expires_in.front().text());
    check("Token requests", "scope", code.scope.front().text());
    check("day", "stamp_is", DayRule{}.stamp_is == DayRule::StampIs::end ? "end" : "day");
    check("metrics", "additive", Metric{}.additive);
    check("metrics", "optional", Metric{}.optional);
    check("requests", "bounds", Request{}.stamp_bounds ? "stamps" : "days");
    check("requests", "optional", Request{}.optional);
    check("lookups", "optional", Lookup{}.optional);
    check("Paging", "max_pages", Paging{}.max_pages);
    check("Rows of points", "sum", Rows{}.sum);
    check("usage", "slow_at", UsageHeader{}.slow_at);
    check("usage", "stop_at", UsageHeader{}.stop_at);
    check("Rules of errors", "scope", to_text(ErrorRule{}.scope));
}

TEST_CASE("manual: the refusals that every login knows are those of the program") {
    const auto body = body_of(read_keys(), "Logins", "errors");
    const auto& errors = acme().auth.logins.front().errors;  // the example names none
    REQUIRE_FALSE(errors.rules.empty());
    Words told;
    static const std::regex word{"[a-z]+(_[a-z]+)+"};
    for (std::sregex_iterator match{body.begin(), body.end(), word}, end; match != end; ++match)
        if (match->str() != "error_description") told.insert(match->str());
    Words known;
    for (const auto& rule : errors.rules) known.insert(rule.code.texts.begin(), rule.code.texts.end());
    CHECK(listed(told) == listed(known));
}

TEST_CASE("manual: the placeholders of each step are those of the program") {
    const auto source = read_text(kSource / "daemon" / "platform" / "login_loader.cpp");
    const auto placeholders = [](const std::string& text) {
        static const std::regex word{R"(\{([a-z_]+)\})"};
        Words words;
        for (std::sregex_iterator match{text.begin(), text.end(), word}, end; match != end; ++match)
            words.insert((*match)[1]);
        return words;
    };
    const std::pair<std::string, std::string> steps[] = {{"code", "Code"},      {"exchange", "Token"},
                                                         {"validate", "Token"}, {"refresh", "Refresh"},
                                                         {"start", "Start"},    {"poll", "Poll"}};
    for (const auto& [step, list] : steps) {
        CAPTURE(step);
        std::smatch known, told;
        REQUIRE(std::regex_search(source, known, std::regex{"k" + list + R"(Words\s*=([^;]*);)"}));
        REQUIRE(std::regex_search(page(), told, std::regex{"\n[.]It " + step + " Ta ([^\n]*)\n"}));
        REQUIRE_FALSE(placeholders(known[1]).empty());
        CHECK(listed(placeholders(told[1])) == listed(placeholders(known[1])));
    }
}
