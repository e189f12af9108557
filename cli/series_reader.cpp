// SPDX-License-Identifier: Apache-2.0
#include "cli/series_reader.hpp"

#include "cli/export_row.hpp"
#include "common/postgres/statements.hpp"

namespace tally::cli {

void read_series(CopySource& source, const SeriesFilter& filter,
                 const std::function<void(const analysis::Series&)>& consume) {
    const auto select = with_literals(
        postgres::statement("metric_series"),
        {filter.users, filter.tiers, filter.platforms, filter.accounts, filter.sources, filter.metrics,
         render_day(filter.days.first), render_day(filter.days.last), filter.broken_down ? "true" : "false"});
    ExportRow row{1};
    source.copy(select, [&](std::string_view line) {
        row.decode(line);
        consume(analysis::parse_series(row.fields().front().value_or("")));
    });
}

}  // namespace tally::cli
