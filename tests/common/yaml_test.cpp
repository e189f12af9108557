// SPDX-License-Identifier: Apache-2.0
// What the strict YAML reader refuses, and where it says so.
#include "common/yaml.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>

#include "common/error.hpp"

using namespace std::chrono;
using namespace tally;

namespace {

/// The text of the error, with its hint; "fine" without one.
std::string complaint(const std::function<void()>& action) {
    try {
        action();
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::config);
        return describe(error);
    }
    return "fine";
}
std::string refusal(std::string_view text) {
    return complaint([&] { YamlNode::parse(text, "f.yaml"); });
}
YamlNode doc(std::string_view text) {
    return YamlNode::parse(text, "f.yaml");
}

}  // namespace

TEST_CASE("documents that are refused before a tree is made of them") {
    CHECK(refusal("a: &x 1\n") == "f.yaml:1: anchors (&name) are not supported\n  hint: Write the value out.");
    CHECK(refusal("a: 1\nb: *x\n").starts_with("f.yaml:2: "));
    CHECK(refusal("a: &x [1]\nb: *x\n").starts_with("f.yaml:1: anchors"));
    CHECK(refusal("a: !!binary aGk=\n") == "f.yaml:1: tag 'tag:yaml.org,2002:binary' is not supported");
    CHECK(refusal("a: !mine {b: 1}\n") == "f.yaml:1: tag '!mine' is not supported");
    CHECK(refusal("a: 1\na: 2\n") == "f.yaml:2: key 'a' appears twice\n  hint: Remove one of them.");
    CHECK(refusal("a:\n  - b: 1\n    b: 2\n").starts_with("f.yaml:3: key 'b' appears twice"));
    CHECK(refusal("[1, 2]: x\n") == "f.yaml:1: a key must be a word");
    CHECK(refusal("a: 1\n---\nb: 2\n").find("a second document") != std::string::npos);
    CHECK(refusal("a: [1\n").starts_with("f.yaml:"));
    CHECK(refusal("a: 'x").starts_with("f.yaml:1: "));
    CHECK(refusal(std::string((1U << 20U) + 1, ' ')) == "f.yaml: larger than 1 MiB");
    CHECK(refusal("") == "fine");
    CHECK(refusal("---\na: \"quoted\"\n...\n") == "fine");
}

TEST_CASE("a small file that means a huge one is refused at once") {
    std::string laughs = "a0: &a0 [ha, ha]\n";
    for (int i = 1; i < 60; ++i) {
        const auto below = "*a" + std::to_string(i - 1);
        laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + below + "," + below + "]\n";
    }
    CHECK(refusal(laughs).starts_with("f.yaml:1: anchors"));
}

TEST_CASE("nesting is bounded in every style") {
    const auto nested = [](unsigned depth) { return std::string(depth, '[') + std::string(depth, ']'); };
    CHECK(refusal(nested(32)) == "fine");
    CHECK(refusal(nested(33)) == "f.yaml:1: nested too deeply");
    CHECK(refusal(nested(100'000)).starts_with("f.yaml:1: nested too deeply"));
    std::string block;
    for (unsigned depth = 0; depth < 40; ++depth) block += std::string(depth, ' ') + "a:\n";
    CHECK(refusal(block) == "f.yaml:33: nested too deeply");
}

TEST_CASE("values are read strictly and complaints carry the path") {
    const auto root =
        doc("a:\n  n: 12\n  yes: true\n  d: 15m\n  day: 2026-11-21\n  l: [x, y]\n  empty: \"\"\n  nil:\n");
    const auto a = root.at("a");
    CHECK(a.at("n").integer(0, 12) == 12);
    CHECK(a.at("yes").boolean());
    CHECK(a.at("d").duration() == 15min);
    CHECK(a.at("day").day() == Day{2026y / 11 / 21});
    CHECK(a.at("l").texts() == std::vector<std::string>{"x", "y"});
    CHECK(a.at("n").texts() == std::vector<std::string>{"12"});
    CHECK(a.at("empty").text_or_empty().empty());
    CHECK(a.at("nil").is_null());
    CHECK(a.at("l").line() == 6);
    CHECK(a.at("l").items()[1].path() == "a.l[1]");
    CHECK_FALSE(a.find("absent"));
    const auto says = [&](std::string_view key, auto read) { return complaint([&] { read(a.at(key)); }); };
    CHECK(says("n", [](const YamlNode& n) { n.integer(0, 11); }) == "f.yaml:2: a.n: 12 is outside 0 to 11");
    CHECK(says("d", [](const YamlNode& n) { n.integer(0, 99); }) == "f.yaml:4: a.d: not a whole number: '15m'");
    CHECK(says("n", [](const YamlNode& n) { n.boolean(); }) ==
          "f.yaml:2: a.n: not a yes or no: '12'\n  hint: Write true or false.");
    CHECK(says("n", [](const YamlNode& n) { n.duration(); }).starts_with("f.yaml:2: a.n: not a duration: '12'"));
    CHECK(says("n", [](const YamlNode& n) { n.day(); }).starts_with("f.yaml:2: a.n: not a date: '12'"));
    CHECK(says("l", [](const YamlNode& n) { n.text(); }) == "f.yaml:6: a.l: must be a value");
    CHECK(says("empty", [](const YamlNode& n) { n.text(); }) == "f.yaml:7: a.empty: must be a value");
    CHECK(says("nil", [](const YamlNode& n) { n.text_or_empty(); }).find("a.nil: must be a value") !=
          std::string::npos);
    CHECK(says("n", [](const YamlNode& n) { n.items(); }) == "f.yaml:2: a.n: must be a list");
    CHECK(says("n", [](const YamlNode& n) { n.entries(); }) == "f.yaml:2: a.n: must be a map");
    CHECK(says("n", [](const YamlNode& n) {
              n.choice({"11", "13"});
          }) == "f.yaml:2: a.n: '12' is not known here\n  hint: One of: 11, 13.");
    CHECK(complaint([&] { a.at("absent"); }) == "f.yaml:2: a: 'absent' is missing");
}

TEST_CASE("unknown keys are errors that offer the nearest known one") {
    const auto root = doc("concurency: 3\n");
    CHECK(complaint([&] {
              root.allow({"concurrency", "timeout"});
          }) == "f.yaml:1: concurency: unknown key\n  hint: Did you mean 'concurrency'?");
    CHECK(complaint([&] { root.allow({"timeout"}); }) ==
          "f.yaml:1: concurency: unknown key\n  hint: Known here: timeout.");
    CHECK(nearest("premum", {"free", "premium"}) == "premium");
    CHECK_FALSE(nearest("gold", {"free", "premium"}));
}

TEST_CASE("files that cannot be read say so") {
    CHECK(complaint([] {
              YamlNode::load("/nonexistent/tallyd.yaml");
          }).starts_with("/nonexistent/tallyd.yaml: cannot be read"));
    CHECK(complaint([] { YamlNode::load("/tmp"); }).starts_with("/tmp: cannot be read"));
}
