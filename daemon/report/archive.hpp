// SPDX-License-Identifier: Apache-2.0
// Built reports as files of this node: DIRECTORY/WEEK/USER.html, .xlsx and .txt, with the user's id percent-encoded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/report/content.hpp"
#include "daemon/report/page.hpp"

namespace tally::report {

enum class Format : std::uint8_t { html, xlsx, text };
std::optional<Format> parse_format(std::string_view text);
std::string_view extension(Format format) noexcept;  ///< "html", "xlsx" or "txt"
std::string_view content_type(Format format) noexcept;

/// Thread-safe: each file appears complete or not at all. Readable by the owner and its group.
class Archive {
public:
    /// @param directory made when the first report is kept
    explicit Archive(std::string directory) : directory_(std::move(directory)) {}

    struct Sizes {
        std::int64_t html = 0, xlsx = 0;  ///< bytes
    };
    /// Keeps all forms, in place of those that were. @throws Error (failed) when the disk refuses
    Sizes keep(const Report& report, const Templates& templates) const;
    /// nullopt when this node has no such file, or it is empty.
    std::optional<std::string> read(const std::string& user_id, Day monday, Format format) const;
    /// Deletes the weeks that began before. @return how many
    int drop_before(Day monday) const;

private:
    std::string path(const std::string& user_id, Day monday, Format format) const;
    std::string directory_;
};

}  // namespace tally::report
