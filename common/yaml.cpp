// SPDX-License-Identifier: Apache-2.0
// YamlNode over yaml-cpp, which is named here only.
#include "common/yaml.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <numeric>
#include <set>
#include <sstream>

#include "common/error.hpp"

namespace tally {

namespace {

constexpr std::size_t kMaxBytes = 1U << 20U;
constexpr int kMaxDepth = 32;

[[noreturn]] void fail_at(const std::string& file, int line, const std::string& message, std::string hint) {
    throw Error(Fault::config, fmt::format("{}:{}: {}", file, line, message), std::move(hint));
}

/// Looks at the text before a tree is made of it: an alias would let a small file grow into a huge tree, and recursion
/// over the tree needs a bound.
class Scan : public YAML::EventHandler {
public:
    explicit Scan(const std::string& file) : file_(file) {}

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (++documents_ > 1) fail_at(file_, mark.line + 1, "a second document", "Keep one document in a file.");
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { plain(mark, {}, anchor); }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        fail_at(file_, mark.line + 1, "aliases (*name) are not supported", "Write the value out.");
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string&) override {
        plain(mark, tag, anchor);
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(mark, tag, anchor);
    }
    void OnSequenceEnd() override { --depth_; }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(mark, tag, anchor);
    }
    void OnMapEnd() override { --depth_; }

private:
    void plain(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) const {
        if (anchor != YAML::NullAnchor)
            fail_at(file_, mark.line + 1, "anchors (&name) are not supported", "Write the value out.");
        if (tag.size() > 1) fail_at(file_, mark.line + 1, fmt::format("tag '{}' is not supported", tag), "");
    }
    void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
        plain(mark, tag, anchor);
        if (++depth_ > kMaxDepth) fail_at(file_, mark.line + 1, "nested too deeply", "");
    }

    const std::string& file_;
    int depth_ = 0, documents_ = 0;
};

void scan(const std::string& text, const std::string& file) {
    std::istringstream stream{text};
    YAML::Parser parser{stream};
    Scan handler{file};
    while (parser.HandleNextDocument(handler)) {
    }
}

void check_keys(const YAML::Node& node, const std::string& file) {
    if (node.IsSequence()) {
        for (const auto& item : node) check_keys(item, file);
    } else if (node.IsMap()) {
        std::set<std::string> seen;
        for (const auto& entry : node) {
            if (!entry.first.IsScalar()) fail_at(file, entry.first.Mark().line + 1, "a key must be a word", "");
            if (!seen.insert(entry.first.Scalar()).second)
                fail_at(file, entry.first.Mark().line + 1, fmt::format("key '{}' appears twice", entry.first.Scalar()),
                        "Remove one of them.");
            check_keys(entry.second, file);
        }
    }
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), 0U);
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t substitute = diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitute});
        }
    }
    return row.back();
}

}  // namespace

struct YamlNode::Document {
    std::string file;
};

YamlNode::YamlNode(std::shared_ptr<const Document> document, std::shared_ptr<const YAML::Node> node, std::string path)
    : document_(std::move(document)), node_(std::move(node)), path_(std::move(path)) {}

YamlNode YamlNode::parse(std::string_view text, std::string file) {
    if (text.size() > kMaxBytes) throw Error(Fault::config, fmt::format("{}: larger than 1 MiB", file));
    try {
        const std::string copy{text};
        scan(copy, file);
        auto node = std::make_shared<const YAML::Node>(YAML::Load(copy));
        check_keys(*node, file);
        return {std::make_shared<const Document>(Document{std::move(file)}), std::move(node), {}};
    } catch (const YAML::Exception& error) {
        fail_at(file, error.mark.line + 1, error.msg, "Check the indentation and the quotes near this line.");
    }
}

YamlNode YamlNode::load(const std::string& path) {
    std::ifstream stream{path, std::ios::binary};
    std::string text(kMaxBytes + 1, '\0');
    if (stream) stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (!stream.is_open() || stream.bad() || (stream.fail() && !stream.eof()))
        throw Error(Fault::config, fmt::format("{}: cannot be read", path),
                    "Check that the file exists and who may read it.");
    text.resize(static_cast<std::size_t>(stream.gcount()));
    return parse(text, path);
}

const std::string& YamlNode::file() const noexcept {
    return document_->file;
}
int YamlNode::line() const noexcept {
    return std::max(node_->Mark().line, 0) + 1;
}
bool YamlNode::is_null() const {
    return node_->IsNull();
}
bool YamlNode::is_map() const {
    return node_->IsMap();
}
bool YamlNode::is_list() const {
    return node_->IsSequence();
}
bool YamlNode::is_scalar() const {
    return node_->IsScalar();
}

void YamlNode::fail(const std::string& message, std::string hint) const {
    fail_at(document_->file, line(), path_.empty() ? message : fmt::format("{}: {}", path_, message), std::move(hint));
}

void YamlNode::allow(std::span<const std::string_view> keys) const {
    for (const auto& [key, value] : entries()) {
        if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
        const std::vector<std::string> words(keys.begin(), keys.end());
        const auto near = nearest(key, words);
        fail_at(
            document_->file, value.line(), fmt::format("{}: unknown key", value.path()),
            near ? fmt::format("Did you mean '{}'?", *near) : fmt::format("Known here: {}.", fmt::join(words, ", ")));
    }
}

std::optional<YamlNode> YamlNode::find(std::string_view key) const {
    if (!is_map()) fail("must be a map");
    auto value = (*node_)[std::string{key}];
    if (!value.IsDefined()) return std::nullopt;
    auto path = path_.empty() ? std::string{key} : fmt::format("{}.{}", path_, key);
    return YamlNode{document_, std::make_shared<const YAML::Node>(value), std::move(path)};
}

YamlNode YamlNode::at(std::string_view key) const {
    auto value = find(key);
    if (!value) fail(fmt::format("'{}' is missing", key));
    return *std::move(value);
}

std::vector<std::pair<std::string, YamlNode>> YamlNode::entries() const {
    if (!is_map()) fail("must be a map");
    std::vector<std::pair<std::string, YamlNode>> result;
    for (const auto& entry : *node_) {
        auto key = entry.first.Scalar();
        auto path = path_.empty() ? key : fmt::format("{}.{}", path_, key);
        result.emplace_back(std::move(key),
                            YamlNode{document_, std::make_shared<const YAML::Node>(entry.second), std::move(path)});
    }
    return result;
}

std::vector<YamlNode> YamlNode::items() const {
    if (!is_list()) fail("must be a list");
    std::vector<YamlNode> result;
    for (std::size_t i = 0; i < node_->size(); ++i)
        result.push_back(
            YamlNode{document_, std::make_shared<const YAML::Node>((*node_)[i]), fmt::format("{}[{}]", path_, i)});
    return result;
}

void YamlNode::require_scalar() const {
    if (!is_scalar() || node_->Scalar().empty()) fail("must be a value");
}

std::string YamlNode::text() const {
    require_scalar();
    return node_->Scalar();
}

std::string YamlNode::text_or_empty() const {
    if (!is_scalar()) fail("must be a value");
    return node_->Scalar();
}

bool YamlNode::boolean() const {
    const auto value = text();
    if (value == "true") return true;
    if (value == "false") return false;
    fail(fmt::format("not a yes or no: '{}'", value), "Write true or false.");
}

std::int64_t YamlNode::integer(std::int64_t min, std::int64_t max) const {
    const auto value = text();
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc{} || end != value.data() + value.size())
        fail(fmt::format("not a whole number: '{}'", value));
    if (number < min || number > max) fail(fmt::format("{} is outside {} to {}", number, min, max));
    return number;
}

std::chrono::milliseconds YamlNode::duration() const {
    const auto value = text();
    const auto duration = parse_duration(value);
    if (!duration) fail(fmt::format("not a duration: '{}'", value), "Write 10s, 5m, 2h or 30d.");
    return *duration;
}

Day YamlNode::day() const {
    const auto value = text();
    const auto day = parse_day(value);
    if (!day) fail(fmt::format("not a date: '{}'", value), "Write YYYY-MM-DD.");
    return *day;
}

std::size_t YamlNode::choice(std::span<const std::string_view> words) const {
    const auto value = text();
    const auto found = std::find(words.begin(), words.end(), value);
    if (found == words.end())
        fail(fmt::format("'{}' is not known here", value), fmt::format("One of: {}.", fmt::join(words, ", ")));
    return static_cast<std::size_t>(found - words.begin());
}

std::vector<std::string> YamlNode::texts() const {
    if (is_scalar()) return {text()};
    std::vector<std::string> result;
    for (const auto& item : items()) result.push_back(item.text());
    return result;
}

std::optional<std::string> nearest(std::string_view text, const std::vector<std::string>& words) {
    const auto limit = std::max<std::size_t>(1, text.size() / 3);
    std::optional<std::string> best;
    std::size_t best_distance = limit + 1;
    for (const auto& word : words) {
        if (const auto distance = edit_distance(text, word); distance < best_distance) {
            best_distance = distance;
            best = word;
        }
    }
    return best;
}

}  // namespace tally
