// SPDX-License-Identifier: Apache-2.0
// Texts with rules of their own: paths, cron lines, zones, URLs, addresses.
#pragma once

#include <string>

#include "common/config/config.hpp"
#include "common/yaml.hpp"

namespace tally::config {

// Each throws Error (config) with file, line and path when the text breaks its rule.

std::string read_path(const YamlNode& node);         ///< absolute, without a final slash
std::string read_cron(const YamlNode& node);         ///< see cron.hpp
std::string read_zone(const YamlNode& node);         ///< a zone this system knows
std::string read_base_url(const YamlNode& node);     ///< "https://host[:port]", or http to a loopback host
std::string read_quiet_hours(const YamlNode& node);  ///< see parse_quiet_hours()
std::string read_address(const YamlNode& node);      ///< of e-mail
std::string read_smtp_url(const YamlNode& node);     ///< "smtps://host[:port]" or "smtp://host[:port]"
ListenAddress read_listen(const YamlNode& node);     ///< "unix:PATH" or "HOST:PORT"

/// The longest path of a Unix socket, in bytes.
constexpr std::size_t kMaxSocketPath = 107;

}  // namespace tally::config
