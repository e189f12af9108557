// SPDX-License-Identifier: Apache-2.0
// Finds the files that come with the program.
#include "common/config/data_files.hpp"

#include <filesystem>

namespace tally::config {

namespace fs = std::filesystem;

namespace {

bool runs_from_source_tree() {
    std::error_code error;
    const auto program = fs::read_symlink("/proc/self/exe", error);
    const auto root = fs::weakly_canonical(TALLY_SOURCE_DIR, error);
    return !error && program.string().starts_with(root.string() + "/");
}

}  // namespace

std::string data_directory(const std::string& name) {
    return (runs_from_source_tree() ? TALLY_SOURCE_DIR "/etc/" : TALLY_DATA_DIR "/") + name;
}

std::vector<std::string> platform_directories() {
    return {data_directory("platforms"), TALLY_CONFIG_DIR "/platforms"};
}

}  // namespace tally::config
