// SPDX-License-Identifier: Apache-2.0
// A notice on its way: as the outbox keeps it, and as each kind of channel is sent it.
#pragma once

#include <string>
#include <string_view>

#include "daemon/alert/letter.hpp"
#include "daemon/alert/notice.hpp"

namespace tally::alert {

/// What a channel is sent. `sender` names the installation, such as the host.
struct Message {
    Notice notice;
    std::string sender;
    Instant at;
};

/// JSON, for the outbox. The ids of the alerts stay behind.
std::string to_json(const Message& message);
/// @throws Error (internal) when the text is not what to_json() made
Message message_from_json(std::string_view text);

/// "[tally host] 3 connections need authorization"
std::string subject_of(const Message& message);
/// The lines, what is left out, and where to look.
std::string text_of(const Message& message);

/// The body of a POST.
std::string webhook_body(const Message& message, config::WebhookFormat format);
Letter letter_of(const Message& message);

}  // namespace tally::alert
