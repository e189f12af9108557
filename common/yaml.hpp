// SPDX-License-Identifier: Apache-2.0
// Strict reading of YAML: every complaint names file, line and path, and unknown keys are errors.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/time.hpp"

namespace YAML {
class Node;
}

namespace tally {

/// One place in a YAML document. A cheap handle that keeps its document alive; not for use by two threads at once.
class YamlNode {
public:
    /// @throws Error (config) "FILE:LINE: message" when the text is no YAML, has a key twice, uses anchors, aliases or
    ///         tags, holds a second document, or is nested deeper than 32 levels.
    static YamlNode parse(std::string_view text, std::string file);
    /// Reads a whole file. @throws Error (config) also when it cannot be read or is larger than 1 MiB.
    static YamlNode load(const std::string& path);

    const std::string& path() const noexcept { return path_; }  ///< such as "tiers.free.cron"; empty for the root
    const std::string& file() const noexcept;
    int line() const noexcept;

    bool is_null() const;
    bool is_map() const;
    bool is_list() const;
    bool is_scalar() const;

    /// @throws Error unless this is a map with only these keys; the hint offers the nearest one.
    void allow(std::span<const std::string_view> keys) const;
    void allow(std::initializer_list<std::string_view> keys) const { allow(std::span{keys.begin(), keys.size()}); }

    std::optional<YamlNode> find(std::string_view key) const;       ///< nullopt when absent; this must be a map
    YamlNode at(std::string_view key) const;                        ///< @throws Error when absent
    std::vector<std::pair<std::string, YamlNode>> entries() const;  ///< of a map, in file order
    std::vector<YamlNode> items() const;                            ///< of a list, in file order

    std::string text() const;           ///< a scalar, not empty
    std::string text_or_empty() const;  ///< a scalar; "" must be written out
    bool boolean() const;               ///< true or false, nothing else
    std::int64_t integer(std::int64_t min, std::int64_t max) const;
    std::chrono::milliseconds duration() const;  ///< "15m", "30d"
    Day day() const;
    /// One of the words given. @throws Error whose hint lists them.
    std::size_t choice(std::span<const std::string_view> words) const;
    std::size_t choice(std::initializer_list<std::string_view> words) const {
        return choice(std::span{words.begin(), words.size()});
    }
    std::vector<std::string> texts() const;  ///< a list of scalars; a single scalar counts as a list of one

    /// "FILE:LINE: path: message" as an Error (config).
    [[noreturn]] void fail(const std::string& message, std::string hint = {}) const;

private:
    struct Document;
    YamlNode(std::shared_ptr<const Document> document, std::shared_ptr<const YAML::Node> node, std::string path);
    void require_scalar() const;

    std::shared_ptr<const Document> document_;
    std::shared_ptr<const YAML::Node> node_;
    std::string path_;
};

/// The word nearest to `text` when it is near enough to be a typing error.
std::optional<std::string> nearest(std::string_view text, const std::vector<std::string>& words);

}  // namespace tally
