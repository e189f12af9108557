// SPDX-License-Identifier: Apache-2.0
#include "cli/series_reader.hpp"

#include "cli/copy_out.hpp"
#include "common/postgres/statements.hpp"

namespace tally::cli {

std::string decode_copied_text(std::string_view line) {
    if (line.ends_with('\n')) line.remove_suffix(1);
    std::string text;
    text.reserve(line.size());
    for (std::size_t at = 0; at < line.size(); ++at) {
        char c = line[at];
        if (c == '\\' && at + 1 < line.size()) {
            c = line[++at];
            if (c == 'n') c = '\n';
            if (c == 't') c = '\t';
            if (c == 'r') c = '\r';
            if (c == 'b') c = '\b';
            if (c == 'f') c = '\f';
            if (c == 'v') c = '\v';
        }
        text += c;
    }
    return text;
}

void read_series(const std::string& url, const SeriesFilter& filter,
                 const std::function<void(const analysis::Series&)>& consume) {
    const auto statement =
        with_literals(postgres::statement("metric_series"),
                      {filter.users, filter.tiers, filter.platforms, filter.accounts, filter.sources, filter.metrics,
                       render_day(filter.days.first), render_day(filter.days.last),
                       filter.broken_down || filter.metrics ? "true" : "false"});
    copy_out(url, statement,
             [&](std::string_view line) { consume(analysis::parse_series(decode_copied_text(line))); });
}

}  // namespace tally::cli
