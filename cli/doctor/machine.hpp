// SPDX-License-Identifier: Apache-2.0
// Facts of this machine: files, disks, clock, time zone data, certificates. Changes nothing.
#pragma once

#include <optional>
#include <string>

#include "cli/doctor/checks.hpp"

namespace tally::doctor {

FileFacts look_at_file(const std::string& path);
std::string user_name(uid_t uid);  ///< the number when it has no name
bool group_exists(const char* name);
/// Whom a process runs as; nullopt when it is not on this machine.
std::optional<uid_t> owner_of_process(std::int64_t pid);

/// Of the file system that holds the path, or would hold it. Without a value when it cannot be asked.
Seen<DiskFacts> look_at_disk(const std::string& path);
/// Whether both are on one file system; false when one of them is not there.
bool same_disk(const std::string& one, const std::string& other);

/// Whether the kernel knows of a time service that keeps the clock; nullopt when it does not say.
std::optional<bool> clock_is_kept();
std::vector<ZoneAnswer> ask_time_zones();
CertificateFacts look_at_certificates();

}  // namespace tally::doctor
