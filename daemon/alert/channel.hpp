// SPDX-License-Identifier: Apache-2.0
// The ways out: a webhook, a mail server, a program.
#pragma once

#include <chrono>
#include <string>

#include "daemon/alert/message.hpp"

namespace tally::alert {

/// One attempt may take so long.
constexpr std::chrono::seconds kDeliveryLimit{30};

/// Delivers one message and returns when the other side has taken it. Blocking, up to kDeliveryLimit; secrets of the
/// configuration are read anew. Thread-safe. @param id of the message, the same for each attempt
/// @throws Error (failed, unreachable, config) with the channel's own words, never with its URL or password
void deliver(const Message& message, const config::AlertChannel& channel, const config::Config::Smtp& smtp,
             const std::string& id);

/// The same for a mail to one address. @throws Error also (denied) when the server will never take it for that address
void send_mail(const Letter& letter, const std::string& to, const config::Config::Smtp& smtp, const std::string& id);

}  // namespace tally::alert
