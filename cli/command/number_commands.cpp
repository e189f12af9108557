// SPDX-License-Identifier: Apache-2.0
// The commands that show numbers and take them out.
#include "cli/command/commands.hpp"
#include "cli/command/handlers.hpp"
#include "cli/command/shared_options.hpp"

namespace tally::cli {

namespace {

const Option kOnlyUsers{"user", "USER", "only this user, or several with commas between"};
const Option kOnlyTier{"tier", "TIER", "only users of this tier"};
const Option kOnlyPlatforms{"platform", "PLATFORM", "only this platform; * and ? match any text and any character"};
const Option kOnlySource{"source", "SOURCE", "only social_media, or ads"};
const Option kSomeMetrics{"metric", "GLOB", "only metrics that match, with * and ?, broken down or not"};
const Option kAllMetrics{"all-metrics", "", "those that are broken down, too"};
const Option kPeriod{"last", "DAYS", "so many days, today included: 30d (default: 28d, whole weeks)"};
const Option kWeek{"week", "DATE", "the week of this day"};

}  // namespace

std::vector<Command> number_commands() {
    return {
        {"export",
         "",
         {},
         {kOnlyUsers,
          kOnlyTier,
          kOnlyPlatforms,
          kOnlyAccount,
          kOnlySource,
          {"metric", "GLOB", "only metrics that match, with * and ?"},
          kFrom,
          kTo,
          {"last", "DAYS", "so many days up to yesterday, and today: 30d"},
          {"changed-since", "TIME", "only numbers that were stored since: 2026-11-21T02:00:00Z or a date"},
          {"as-of", "TIME", "closed days as they were known then"},
          {"wide", "", "a row a day, with a column for each metric"},
          {"with-missing", "", "also a row for each number that is wanted and not there, and the column state"},
          {"format", "csv|ndjson|json|xlsx", "default: what FILE is called, else csv"},
          {"escape-formulas", "", "CSV: texts that a spreadsheet would calculate begin with a quote"},
          {"out", "FILE", "write there, complete or not at all, packed when it ends in .gz or .zst; - is stdout"}},
         "take the numbers out",
         "Reads the database (read only, without the daemon) and writes one row a number, in constant memory, ordered "
         "by\n"
         "user, platform, account, source, metric and date. Where one user, tier, platform, … is named, several can "
         "be, with\n"
         "commas between.\n\n"
         "With --wide there is one row a day and account, and a column a metric. With --with-missing, which needs "
         "--from or\n"
         "--last, days without a number have rows too; the column 'state' says why: pending, empty, refused, "
         "never_asked or\n"
         "impossible.\n\n"
         "Example:\n  tallyctl export --user acme --metric 'views*' --from -30d --out views.csv\n"
         "  tallyctl export --tier premium --changed-since 2026-11-21T02:00:00Z --out news.ndjson.zst\n"
         "  tallyctl export --platform instagram --last 30d --wide --out instagram.xlsx",
         export_snapshots},
        {"show",
         "",
         {kUser},
         {kOnlyPlatforms, kOnlyAccount, kOnlySource, kSomeMetrics, kAllMetrics, kFrom, kTo, kPeriod},
         "a user's numbers, and how they changed",
         "Reads the database (read only, without the daemon). One line a metric: its total, average or latest value, "
         "the\n"
         "change against as many days before, how many days have a number, how many of these are not final, and a bar "
         "a\n"
         "day. Changes compare days that both periods have; a missing day is never a zero.\n\n"
         "Example:\n  tallyctl show acme --platform instagram --last 30d",
         show_numbers},
        {"top",
         "",
         {},
         {kOnlyUsers,
          kOnlyTier,
          kOnlyPlatforms,
          kOnlyAccount,
          kOnlySource,
          kSomeMetrics,
          kAllMetrics,
          kFrom,
          kTo,
          kPeriod,
          {"by", "percent|change", "what is ranked (default: percent)"},
          {"lowest", "", "what fell most comes first"},
          {"limit", "N", "so many lines (default: 20)"}},
         "metrics by growth",
         "Reads the database (read only, without the daemon) and ranks the metrics of all accounts that match by "
         "their\n"
         "change against as many days before, as 'show' has it.\n\n"
         "Example:\n  tallyctl top --tier premium --metric followers_count --by change",
         show_top},
        {"explain",
         "",
         {kUser, kPlatform, {"METRIC"}, {"DATE"}},
         {kAccount, {"source", "SOURCE", "social_media, or ads (default: what the platform's file says)"}},
         "where a number comes from",
         "Tells of one number: its value, the request that asked for it and its window in the platform's zone, when "
         "and by\n"
         "which run and node it was fetched, whether it is final, and every value before with its time. Of a day "
         "without a\n"
         "number it tells what is known of it.\n\n"
         "Example:\n  tallyctl explain acme instagram reach 2026-11-20",
         explain_number},
        {"coverage",
         "",
         {{"USER", false}, {"PLATFORM", false}},
         {kOnlyAccount,
          {"metric", "GLOB", "only metrics that match, with * and ?, a line each"},
          {"all-metrics", "", "a line a metric, also where metrics of a request are alike"},
          kFrom,
          kTo,
          {"days", "N", "so many days up to --to (default: 30, as far as they fit)"},
          {"plain", "", "letters without colour"}},
         "which days are there, and which are not",
         "With USER and PLATFORM: a line a metric and a sign a day, the newest at the right: final, provisional (may\n"
         "change), pending (asked, not published yet), empty (the platform has nothing), refused, never asked (a gap)\n"
         "or impossible (future, outside the platform's history). With USER: a line a connection. Without: a line a\n"
         "platform and tier. The day that is running does not count in percentages and gaps.\n\n"
         "Example:\n  tallyctl coverage acme instagram\n  tallyctl coverage acme instagram --metric 'reach*' --from "
         "-90d",
         show_coverage},
        {"report",
         "build",
         {kUser},
         {kWeek},
         "build a user's report of a week now",
         "Builds the report from the numbers of now and keeps it in place of the one that was; it is not mailed. "
         "Without\n"
         "--week it is the last week that is over by the user's clock.\n\n"
         "Example:\n  tallyctl report build acme --week 2026-11-16",
         build_report},
        {"report",
         "get",
         {kUser},
         {kWeek,
          {"format", "text|html|xlsx", "default: what FILE is called, else text"},
          {"out", "FILE", "write there, complete or not at all; - is stdout"}},
         "a report that was built, as text, page or workbook",
         "Without --week it is the newest one.\n\n"
         "Example:\n  tallyctl report get acme --out acme.html",
         get_report},
        {"report",
         "list",
         {},
         {kOnlyUser, kWeek},
         "which reports there are, and whether they were mailed",
         "Lists the reports that are kept, the newest week first. MAIL is none (built by hand, no address, or there is "
         "no mail\n"
         "server), waiting, sent or failed.\n\n"
         "Example:\n  tallyctl report list --user acme",
         list_reports},
        {"report",
         "send",
         {kUser},
         {kWeek},
         "mail a report, once more if it was before",
         "Puts the report into the outbox, for the address that 'user set --report-to' named. Without --week it is the "
         "newest\n"
         "one. A mail server that is away is tried again for some hours.\n\n"
         "Example:\n  tallyctl report send acme",
         send_report},
    };
}

}  // namespace tally::cli
