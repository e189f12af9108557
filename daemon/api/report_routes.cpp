// SPDX-License-Identifier: Apache-2.0
#include "daemon/api/report_routes.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "common/error.hpp"
#include "common/or_null.hpp"
#include "common/time_zone.hpp"
#include "daemon/api/input.hpp"
#include "daemon/report/reporter.hpp"

namespace tally::api {

namespace {

using nlohmann::json;
using report::Reporter;

constexpr const char* kLatest = "latest";

Day read_week(const std::string& text) {
    const auto day = parse_day(text);
    if (!day) throw Error(Fault::usage, fmt::format("no week: '{}'", text), "Write one of its days: 2026-11-16.");
    return report::week_of(*day).first;
}

/// Where a page of the list goes on: "MONDAY/USER".
struct Place {
    std::optional<Day> monday;
    std::optional<std::string> user;
};

Place read_place(const std::optional<std::string>& after) {
    if (!after) return {};
    const auto slash = after->find('/');
    const auto day = parse_day(after->substr(0, slash));
    if (!day || slash == std::string::npos)
        throw Error(Fault::usage, "'after' is not the member 'next' of an answer before");
    return {.monday = day, .user = after->substr(slash + 1)};
}

std::string_view mail_state(const postgres::Row& row) {
    if (row.boolean("mail_waiting")) return "waiting";
    if (!row.view("mail_error").empty()) return "failed";
    return row.optional_instant("mailed_at") ? "sent" : "none";
}

json report_json(const postgres::Row& row) {
    const auto week = report::week_of(row.day("week"));
    return {{"user_id", row.text("user_id")},
            {"first", render_day(week.first)},
            {"last", render_day(week.last)},
            {"built_at", render_instant(row.instant("built_at"))},
            {"node", row.text("node")},
            {"metrics", row.integer("metrics")},
            {"html_bytes", row.integer("html_bytes")},
            {"xlsx_bytes", row.integer("xlsx_bytes")},
            {"mail", mail_state(row)},
            {"mailed_at", or_null(row.optional_instant("mailed_at"))},
            {"mail_error", or_null(row.text("mail_error"))}};
}

[[noreturn]] void throw_no_user(const std::string& user) {
    throw Error(Fault::missing, fmt::format("there is no user '{}'", user), "See 'tallyctl user list'.");
}

/// The week that is asked for, which must be over, not too old to be kept, and kept whole; the latest one when none is
/// named.
DayRange week_to_build(const collect::Rules& rules, postgres::Transaction& transaction, const std::string& user,
                       const std::optional<std::string>& named, Instant at) {
    const auto found = transaction.exec("zone_of_user", {user});
    if (found.empty()) throw_no_user(user);
    const auto zone = TimeZone::find(found[0].text("zone")).value_or(TimeZone::utc());
    const auto today = zone.day_of(at);
    if (!named) return report::week_before(today);
    const auto week = report::week_of(read_week(*named));
    if (week.last >= today)
        throw Error(Fault::usage, fmt::format("the week from {} to {} is not over by the user's clock ({})",
                                              render_day(week.first), render_day(week.last), zone.name()));
    if (week.first < report::oldest_week(rules.config, at))
        throw Error(Fault::usage,
                    fmt::format("a report of the week from {} would be too old to be kept", render_day(week.first)),
                    "reports.keep says how long reports are kept, see tallyd.yaml(5).");
    const auto tier = found[0].text("tier");
    if (const auto oldest = rules.oldest_kept(tier, at); oldest && week.first < *oldest)
        throw Error(Fault::usage,
                    fmt::format("numbers before {} are not kept for tier '{}': the week from {} is not whole",
                                render_day(*oldest), tier, render_day(week.first)),
                    "tiers.<name>.retention says how long numbers are kept.");
    return week;
}

/// The Monday of a report that was built.
Day find_report(postgres::Transaction& transaction, const std::string& user, const std::optional<Day>& monday) {
    const auto found = transaction.exec("find_report", {user, monday});
    if (!found.empty()) return found[0].day("week");
    if (transaction.exec("user_exists", {user}).empty()) throw_no_user(user);
    throw Error(Fault::missing,
                monday ? fmt::format("user '{}' has no report of the week from {}", user, render_day(*monday))
                       : fmt::format("user '{}' has no report", user),
                "Build it with 'tallyctl report build'.");
}

/// "latest", or a day of the week.
std::optional<Day> week_of_path(const Request& request) {
    const auto& text = request.params.at("week");
    if (text == kLatest) return std::nullopt;
    return read_week(text);
}

json one_report(postgres::Transaction& transaction, const std::string& user, Day monday) {
    return report_json(transaction.exec("list_reports", {user, monday, std::nullopt, std::nullopt, 1})[0]);
}

}  // namespace

void ReportRoutes::add_to(Router& router) {
    const auto add = [&](const char* method, const char* pattern, auto member) {
        router.add(method, pattern, Access::guarded,
                   [this, member](const Request& request) { return (this->*member)(request); });
    };
    add("GET", "/api/internal/reports", &ReportRoutes::list);
    add("POST", "/api/internal/users/{user}/reports", &ReportRoutes::build);
    add("GET", "/api/internal/users/{user}/reports/{week}", &ReportRoutes::read);
    add("POST", "/api/internal/users/{user}/reports/{week}/mail", &ReportRoutes::mail);
}

ReportRoutes::Answer ReportRoutes::list(const Request& request) {
    const auto filter = filter_of(request);
    const auto place = read_place(filter.after);
    const auto week = request.query_value("week");
    const auto monday = week ? std::optional{read_week(*week)} : std::nullopt;
    auto work = [filter, place, monday](postgres::Session& session) {
        auto transaction = session.begin_read_only();
        json reports = json::array();
        for (const auto& row :
             transaction.exec("list_reports", {filter.user_id, monday, place.monday, place.user, filter.limit}))
            reports.push_back(report_json(row));
        json next;
        if (reports.size() == static_cast<std::size_t>(filter.limit))
            next = fmt::format("{}/{}", reports.back()["first"].get<std::string>(),
                               reports.back()["user_id"].get<std::string>());
        return json{{"reports", std::move(reports)}, {"next", std::move(next)}};
    };
    co_return Response::data(co_await with_session(parts_, std::move(work)));
}

ReportRoutes::Answer ReportRoutes::build(const Request& request) {
    const auto& user = request.params.at("user");
    const auto body = request.json();
    allow_members(body, {"week"});
    const auto named = text_member(body, "week");
    auto work = [user, named, rules = parts_.dispatcher.rules(), node = parts_.facts.node](postgres::Session& session) {
        const auto at = now();
        Reporter reporter{*rules, node};
        auto look = session.begin_read_only();
        const auto week = week_to_build(*rules, look, user, named, at);
        const auto report = reporter.build(look, user, week, at);
        look.commit();
        if (report.metrics() == 0)
            throw Error(Fault::missing,
                        fmt::format("there is no number of user '{}' from {} to {}", user, render_day(week.first),
                                    render_day(week.last)),
                        fmt::format("'tallyctl coverage {}' shows which days are there.", user));
        const auto sizes = reporter.keep(report);
        auto transaction = session.begin();
        reporter.note(transaction, report, sizes);
        auto built = one_report(transaction, user, week.first);
        transaction.commit();
        return built;
    };
    co_return Response::data(co_await with_session(parts_, std::move(work)));
}

ReportRoutes::Answer ReportRoutes::read(const Request& request) {
    const auto& user = request.params.at("user");
    const auto named = week_of_path(request);
    const auto format = report::parse_format(request.query_value("format").value_or("html"));
    if (!format) throw Error(Fault::usage, "'format' is not html, xlsx or text");
    auto work = [user, named, format = *format, rules = parts_.dispatcher.rules(),
                 node = parts_.facts.node](postgres::Session& session) {
        Reporter reporter{*rules, node};
        const auto monday = [&] {
            auto transaction = session.begin_read_only();
            return find_report(transaction, user, named);
        }();
        reporter.fetch(session, user, monday, now());
        return reporter.read(user, monday, format);
    };
    Response response;
    response.body = co_await with_session(parts_, std::move(work));
    response.content_type = report::content_type(*format);
    co_return response;
}

ReportRoutes::Answer ReportRoutes::mail(const Request& request) {
    const auto& user = request.params.at("user");
    const auto named = week_of_path(request);
    if (!parts_.dispatcher.rules()->config.smtp.url)
        throw Error(Fault::config, "no mail server is configured", "Set smtp.url and smtp.from, see tallyd.yaml(5).");
    auto work = [user, named](postgres::Session& session) {
        auto transaction = session.begin();
        const auto monday = find_report(transaction, user, named);
        const auto recipients = transaction.exec("report_recipient", {user});
        if (recipients.empty())
            throw Error(Fault::failed, fmt::format("user '{}' has no address for reports", user),
                        fmt::format("Set it: tallyctl user set {} --report-to ADDRESS.", user));
        transaction.exec("mail_report", {user, monday, true});
        auto report = one_report(transaction, user, monday);
        report["to"] = recipients[0].text("address");
        transaction.commit();
        return report;
    };
    auto report = co_await with_session(parts_, std::move(work));
    courier_.wake();
    co_return Response::data(report, 202);
}

}  // namespace tally::api
