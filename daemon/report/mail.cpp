// SPDX-License-Identifier: Apache-2.0
#include "daemon/report/mail.hpp"

#include <fmt/format.h>

namespace tally::report {

std::optional<alert::Posting> make_posting(postgres::Session& session, Reporter& reporter, const std::string& user_id,
                                           Day monday, Instant now) {
    const auto recipients = session.begin_read_only().exec("report_recipient", {user_id});
    if (recipients.empty()) return std::nullopt;
    reporter.fetch(session, user_id, monday, now);
    const auto days = week_of(monday);
    const auto name = fmt::format("report-{}", render_day(days.first));
    const auto attach = [&](Format format) {
        return alert::Attachment{.name = fmt::format("{}.{}", name, extension(format)),
                                 .type = std::string{content_type(format)},
                                 .content = reporter.read(user_id, monday, format)};
    };
    return alert::Posting{
        .to = recipients[0].text("address"),
        .letter = {.subject = fmt::format("{}: {} to {}", user_id, render_day(days.first), render_day(days.last)),
                   .text = reporter.read(user_id, monday, Format::text),
                   .attachments = {attach(Format::html), attach(Format::xlsx)},
                   .at = now}};
}

}  // namespace tally::report
