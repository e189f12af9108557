// SPDX-License-Identifier: Apache-2.0
// A mail as it goes over the wire.
#pragma once

#include <string>
#include <vector>

#include "common/time.hpp"

namespace tally::alert {

struct Attachment {
    std::string name;  ///< ASCII, without quotes
    std::string type;  ///< such as "text/html; charset=utf-8"
    std::string content;
};

struct Letter {
    std::string subject;  ///< UTF-8
    std::string text;     ///< UTF-8
    std::vector<Attachment> attachments;
    Instant at;
};

/// A letter and the address to which it goes.
struct Posting {
    std::string to;
    Letter letter;
};

/// RFC 5322 and MIME, with CRLF and every part in base64. @param id unique, without '<' and '@'
std::string render_letter(const Letter& letter, const std::string& from, const std::string& to, const std::string& id);

}  // namespace tally::alert
