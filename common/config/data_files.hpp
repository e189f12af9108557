// SPDX-License-Identifier: Apache-2.0
// Where the files that come with the program are, installed or in a build tree.
#pragma once

#include <string>
#include <vector>

namespace tally::config {

/// Directories that may hold such files, later ones override earlier ones: what came with the program (the source tree
/// when the program runs from below it), then the sysadmin's, then `platforms` or `templates` beside the configuration
/// file in use (empty: none). They need not exist.
std::vector<std::string> platform_directories(const std::string& config_file);
std::vector<std::string> template_directories(const std::string& config_file);

/// A directory that came with the program, such as "prometheus". It need not exist.
std::string data_directory(const std::string& name);

}  // namespace tally::config
