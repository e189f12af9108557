// SPDX-License-Identifier: Apache-2.0
// Alerts and messages in the database.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "common/postgres/session.hpp"
#include "daemon/alert/message.hpp"

namespace tally::alert {

/// What may be told, in the order of the kinds.
std::vector<Alert> alerts_to_tell(postgres::Transaction& transaction);

/// Puts the messages of the notices into the outbox, one for each channel, and notes in their alerts that they were
/// told.
void tell(postgres::Transaction& transaction, const std::vector<Notice>& notices,
          const std::vector<std::string>& channels, const std::string& sender, Instant at);

/// Which report is to be mailed.
struct ReportName {
    std::string user_id;
    Day monday;
};

/// What this node is to deliver now: a message, or a report. Unless its end is written, another attempt follows.
struct Delivery {
    std::int64_t id;
    std::string channel;
    Message message;                   ///< empty when it is a report
    std::optional<ReportName> report;  ///< made when it is sent
    unsigned attempt;                  ///< 1 is the first
    std::int64_t token;                ///< the end must name it
};

/// Throws what Session throws.
class Outbox {
public:
    explicit Outbox(postgres::Session& session) : session_(session) {}

    enum class What : std::uint8_t { messages, reports };
    /// @param hold how long nobody else tries them
    std::vector<Delivery> claim(What what, unsigned limit, std::chrono::seconds hold);
    void sent(const Delivery& delivery);
    void drop(const Delivery& delivery);  ///< nobody waits for it
    /// @param again nullopt: it is given up, which is an alert of its own
    void failed(const Delivery& delivery, const std::string& error, std::optional<std::chrono::milliseconds> again);

private:
    postgres::Session& session_;
};

}  // namespace tally::alert
