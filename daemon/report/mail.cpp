// SPDX-License-Identifier: Apache-2.0
#include "daemon/report/mail.hpp"

#include <fmt/format.h>

#include "common/error.hpp"

namespace tally::report {

std::optional<alert::Posting> make_posting(postgres::Session& session, Reporter& reporter, const std::string& user_id,
                                           Day monday, Instant now) {
    const auto recipients = session.begin_read_only().exec("report_recipient", {user_id});
    if (recipients.empty()) return std::nullopt;
    reporter.fetch(session, user_id, monday, now);
    const auto read = [&](Format format) {
        auto content = reporter.archive().read(user_id, monday, format);
        if (!content) throw Error(Fault::failed, "a file of the report has just gone");
        return *std::move(content);
    };
    const auto days = week_of(monday);
    const auto name = fmt::format("report-{}", render_day(days.first));
    const auto attach = [&](Format format) {
        return alert::Attachment{.name = fmt::format("{}.{}", name, extension(format)),
                                 .type = std::string{content_type(format)},
                                 .content = read(format)};
    };
    return alert::Posting{
        .to = recipients[0].text("address"),
        .letter = {.subject = fmt::format("{}: {} to {}", user_id, render_day(days.first), render_day(days.last)),
                   .text = read(Format::text),
                   .attachments = {attach(Format::html), attach(Format::xlsx)},
                   .at = now}};
}

}  // namespace tally::report
