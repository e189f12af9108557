// SPDX-License-Identifier: Apache-2.0
// Asks the kernel, the file system and the libraries.
#include "cli/doctor/machine.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "common/time_zone.hpp"
#include "daemon/net/tls_roots.hpp"

namespace tally::doctor {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kNameBuffer = 16'384;

/// Rules that are young, the oldest first: an offset that older data does not tell.
struct Rule {
    const char *zone, *release, *at;
    std::chrono::seconds wanted;
};
constexpr std::array<Rule, 2> kRules{{
    {"Asia/Almaty", "2024a", "2024-07-01T00:00:00Z", 5h},        // Kazakhstan gave up UTC+6
    {"America/Asuncion", "2025a", "2025-07-01T00:00:00Z", -3h},  // Paraguay stays on summer time
}};

bool is_absent(int error) noexcept {
    return error == ENOENT || error == ENOTDIR;
}

std::size_t count_certificates(const std::string& file) {
    std::ifstream stream{file};
    std::size_t count = 0;
    for (std::string line; std::getline(stream, line);) {
        if (line.starts_with("-----BEGIN CERTIFICATE-----") || line.starts_with("-----BEGIN TRUSTED CERTIFICATE-----"))
            ++count;
    }
    return count;
}

}  // namespace

std::string user_name(uid_t uid) {
    std::vector<char> buffer(kNameBuffer);
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) return entry.pw_name;
    return std::to_string(uid);
}

bool group_exists(const char* name) {
    std::vector<char> buffer(kNameBuffer);
    group entry{};
    group* found = nullptr;
    return ::getgrnam_r(name, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr;
}

FileFacts look_at_file(const std::string& path) {
    FileFacts facts{.path = path, .trouble = {}, .owner_name = {}};
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) {
        if (!is_absent(errno)) facts.trouble = fmt::format("cannot look at '{}': {}", path, std::strerror(errno));
        return facts;
    }
    facts.there = true;
    facts.mode = info.st_mode & 07777U;
    facts.owner = info.st_uid;
    facts.owner_name = user_name(info.st_uid);
    return facts;
}

std::optional<uid_t> owner_of_process(std::int64_t pid) {
    struct stat info {};
    if (pid <= 0 || ::stat(fmt::format("/proc/{}", pid).c_str(), &info) != 0) return std::nullopt;
    return info.st_uid;
}

Seen<DiskFacts> look_at_disk(const std::string& path) {
    auto place = path;
    struct statvfs disk {};
    while (::statvfs(place.c_str(), &disk) != 0) {
        if (!is_absent(errno) || place.size() <= 1)
            return {.reason = fmt::format("cannot ask how full the disk of '{}' is: {}", path, std::strerror(errno)),
                    .remedy = "Run doctor as root."};
        place = fs::path{place}.parent_path().string();
    }
    return {.value = DiskFacts{.path = path,
                               .free = std::uintmax_t{disk.f_bavail} * disk.f_frsize,
                               .size = std::uintmax_t{disk.f_blocks} * disk.f_frsize,
                               .free_files = disk.f_favail,
                               .files = disk.f_files}};
}

bool same_disk(const std::string& one, const std::string& other) {
    struct stat first {
    }, second{};
    return ::stat(one.c_str(), &first) == 0 && ::stat(other.c_str(), &second) == 0 && first.st_dev == second.st_dev;
}

std::optional<bool> clock_is_kept() {
    timex clock{};
    if (::adjtimex(&clock) < 0) return std::nullopt;
    return (clock.status & STA_UNSYNC) == 0;
}

std::vector<ZoneAnswer> ask_time_zones() {
    std::vector<ZoneAnswer> answers;
    for (const auto& rule : kRules) {
        ZoneAnswer answer{.zone = rule.zone, .release = rule.release, .wanted = rule.wanted, .found = std::nullopt};
        if (const auto zone = TimeZone::find(rule.zone)) answer.found = zone->offset(parse_instant(rule.at).value());
        answers.push_back(answer);
    }
    return answers;
}

CertificateFacts look_at_certificates() {
    const auto roots = net::tls_roots();
    CertificateFacts facts{.file = roots.file, .directory = roots.directory};
    if (!roots.file.empty()) facts.in_file = count_certificates(roots.file);
    std::error_code error;
    if (!roots.directory.empty()) {
        const fs::directory_iterator entries{roots.directory, error};
        facts.in_directory = !error && entries != fs::directory_iterator{};
    }
    return facts;
}

}  // namespace tally::doctor
