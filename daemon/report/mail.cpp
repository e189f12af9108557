// SPDX-License-Identifier: Apache-2.0
#include "daemon/report/mail.hpp"

#include <fmt/format.h>

namespace tally::report {

std::optional<alert::Posting> make_posting(postgres::Transaction& transaction, Reporter& reporter,
                                           const std::string& user_id, Day monday, Instant now) {
    const auto recipients = transaction.exec("report_recipient", {user_id});
    if (recipients.empty()) return std::nullopt;
    const auto read = [&](Format format) { return reporter.read(transaction, user_id, monday, format, now); };
    auto text = read(Format::text);
    auto page = read(Format::html), workbook = read(Format::xlsx);
    if (!text || !page || !workbook) return std::nullopt;
    const auto days = week_of(monday);
    const auto name = fmt::format("report-{}", render_day(days.first));
    const auto attach = [&](Format format, std::string content) {
        return alert::Attachment{.name = fmt::format("{}.{}", name, extension(format)),
                                 .type = std::string{content_type(format)},
                                 .content = std::move(content)};
    };
    return alert::Posting{
        .to = recipients[0].text("address"),
        .letter = {.subject = fmt::format("{}: {} to {}", user_id, render_day(days.first), render_day(days.last)),
                   .text = *std::move(text),
                   .attachments = {attach(Format::html, *std::move(page)), attach(Format::xlsx, *std::move(workbook))},
                   .at = now}};
}

}  // namespace tally::report
