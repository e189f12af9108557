// SPDX-License-Identifier: Apache-2.0
// Renders the state of a run group.
#include "cli/run_progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/console.hpp"
#include "cli/text_table.hpp"
#include "common/counted.hpp"
#include "common/error.hpp"

namespace tally::cli {

namespace {

constexpr std::size_t kNamedFailures = 20;

std::string left(const RunGroup& group, std::chrono::milliseconds elapsed) {
    if (const auto requests = render_requests(group); !requests.empty()) return requests;
    if (group.done() == 0 || group.finished()) return {};
    const auto each = static_cast<double>(elapsed.count()) / static_cast<double>(group.done());
    const auto seconds = each * static_cast<double>(group.total - group.done()) / 1000;
    return fmt::format(", {} left", render_span(std::chrono::seconds{std::llround(seconds)}));
}

}  // namespace

RunGroup read_run_group(const Json& data) {
    RunGroup group{.total = number_of(data, "total"),
                   .succeeded = number_of(data, "succeeded"),
                   .partial = number_of(data, "partial"),
                   .failed = number_of(data, "failed"),
                   .rows_written = number_of(data, "rows_written"),
                   .rows_changed = number_of(data, "rows_changed"),
                   .requests_made = number_of(data, "requests_made"),
                   .requests_left = {},
                   .estimated_left = {}};
    if (member(data, "requests_left").is_number()) group.requests_left = number_of(data, "requests_left");
    if (member(data, "estimated_seconds").is_number())
        group.estimated_left = std::chrono::seconds{number_of(data, "estimated_seconds")};
    if (const auto& failures = member(data, "failures"); failures.is_array()) group.failures = failures;
    return group;
}

int exit_code_of(const RunGroup& group) noexcept {
    if (group.failed == 0 && group.partial == 0) return kExitDone;
    return group.failed == group.total ? kExitFailed : kExitPartly;
}

std::string render_requests(const RunGroup& group) {
    if (!group.requests_left || *group.requests_left == 0 || group.finished()) return {};
    auto text = fmt::format(", requests {} of about {}", with_separators(group.requests_made),
                            with_separators(group.requests_made + *group.requests_left));
    if (group.estimated_left) text += fmt::format(", about {} left", render_span(*group.estimated_left));
    return text;
}

std::string render_progress(const RunGroup& group, std::chrono::milliseconds elapsed, unsigned width) {
    const auto rate = elapsed.count() > 0 ? group.rows_written * 1000 / elapsed.count() : 0;
    auto text = fmt::format("{}/{}", group.done(), group.total);
    if (group.failed > 0) text += fmt::format(", {} failed", group.failed);
    if (group.partial > 0) text += fmt::format(", {} in part", group.partial);
    text += fmt::format(", {} rows/s{}", with_separators(rate), left(group, elapsed));
    // The bar gets what the words leave over, but a line is never broken.
    constexpr unsigned kMargin = 4, kShortest = 10, kLongest = 40;
    if (width < text.size() + kMargin + kShortest) return width == 0 ? text : text.substr(0, width - 1);
    const auto length = std::min(kLongest, width - kMargin - static_cast<unsigned>(text.size()));
    const auto filled = group.total > 0 ? static_cast<std::size_t>(group.done() * length / group.total) : length;
    return fmt::format("[{}{}] {}", std::string(filled, '#'), std::string(length - filled, '-'), text);
}

std::string render_summary(const RunGroup& group, std::chrono::milliseconds elapsed) {
    auto text =
        fmt::format("{} of {} succeeded, {} in part, {} failed; {} rows written, {} changed, in {:.1f} s\n",
                    with_separators(group.succeeded), with_separators(group.total), with_separators(group.partial),
                    with_separators(group.failed), with_separators(group.rows_written),
                    with_separators(group.rows_changed), static_cast<double>(elapsed.count()) / 1000);
    std::size_t named = 0;
    for (const auto& failure : group.failures) {
        if (named == kNamedFailures) break;
        ++named;
        text += printable(fmt::format("  {} {} {}: {} (run {}, {})", text_of(failure, "user_id"),
                                      text_of(failure, "platform"), text_of(failure, "account_id"),
                                      text_of(failure, "error"), text_of(failure, "run_id"),
                                      text_of(failure, "error_class")));
        text += '\n';
    }
    const auto bad = group.failed + group.partial;
    if (named > 0 && bad > static_cast<std::int64_t>(named))
        text += fmt::format("  and {} more; 'tallyctl job list --state failed' names them\n",
                            with_separators(bad - static_cast<std::int64_t>(named)));
    return text;
}

}  // namespace tally::cli
