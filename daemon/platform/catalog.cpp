// SPDX-License-Identifier: Apache-2.0
// Loads the platform files of all directories.
#include "daemon/platform/catalog.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "common/error.hpp"

namespace tally::platform {

Catalog Catalog::load(const std::vector<std::string>& directories) {
    namespace fs = std::filesystem;
    std::map<std::string, std::string> paths;  // platform -> file, later directories win
    for (const auto& directory : directories) {
        std::error_code error;
        fs::directory_iterator files{directory, error};
        if (error == std::errc::no_such_file_or_directory) continue;
        for (; !error && files != fs::directory_iterator{}; files.increment(error)) {
            const auto& path = files->path();
            const auto name = path.stem().string();
            if (path.extension() == ".yaml" && !name.starts_with('.')) paths[name] = path.string();
        }
        if (error)
            throw Error(Fault::config, fmt::format("{}: {}", directory, error.message()),
                        "Check who may read the directory.");
    }
    Catalog catalog;
    for (const auto& [name, path] : paths) {
        const auto root = YamlNode::load(path);
        auto platform = std::make_shared<const Platform>(load_platform(root));
        if (platform->name != name)
            root.at("platform")
                .fail(fmt::format("'{}' does not match the name of the file", platform->name),
                      fmt::format("Rename the file to {}.yaml, or write '{}' here.", platform->name, name));
        catalog.platforms_.emplace(name, std::move(platform));
    }
    return catalog;
}

std::shared_ptr<const Platform> Catalog::find(std::string_view name) const {
    const auto found = platforms_.find(name);
    return found == platforms_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<const Platform>> Catalog::all() const {
    std::vector<std::shared_ptr<const Platform>> result;
    for (const auto& [name, platform] : platforms_) result.push_back(platform);
    return result;
}

}  // namespace tally::platform
