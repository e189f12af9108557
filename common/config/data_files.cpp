// SPDX-License-Identifier: Apache-2.0
// Finds the files that come with the program.
#include "common/config/data_files.hpp"

#include <filesystem>
#include <string_view>

namespace tally::config {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kSourceTree = TALLY_SOURCE_DIR;  // empty: built to be installed only

bool runs_from_source_tree() {
    if (kSourceTree.empty()) return false;
    std::error_code error;
    const auto program = fs::read_symlink("/proc/self/exe", error);
    const auto root = fs::weakly_canonical(kSourceTree, error);
    return !error && program.string().starts_with(root.string() + "/");
}

std::vector<std::string> directories_of(const std::string& name, const std::string& config_file) {
    std::vector<std::string> directories{data_directory(name), TALLY_CONFIG_DIR "/" + name};
    if (!config_file.empty()) {
        auto beside = fs::path(config_file).parent_path() / name;
        if (beside != directories.back()) directories.push_back(std::move(beside));
    }
    return directories;
}

}  // namespace

std::string data_directory(const std::string& name) {
    return (runs_from_source_tree() ? TALLY_SOURCE_DIR "/etc/" : TALLY_DATA_DIR "/") + name;
}

std::vector<std::string> platform_directories(const std::string& config_file) {
    return directories_of("platforms", config_file);
}

std::vector<std::string> template_directories(const std::string& config_file) {
    return directories_of("templates", config_file);
}

}  // namespace tally::config
