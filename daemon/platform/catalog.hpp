// SPDX-License-Identifier: Apache-2.0
// All platform files of this installation.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/platform/platform.hpp"

namespace tally::platform {

/// Immutable after loading; safe to read from any thread.
class Catalog {
public:
    /// Loads every *.yaml of the directories; a file of a later directory replaces one of the same name. Directories
    /// need not exist. @throws Error (config) for the first file that is wrong or whose name is not its `platform:`.
    static Catalog load(const std::vector<std::string>& directories);

    /// Null when there is no such platform. The platform outlives the catalog while it is held.
    std::shared_ptr<const Platform> find(std::string_view name) const;
    std::vector<std::shared_ptr<const Platform>> all() const;  ///< by name

private:
    std::map<std::string, std::shared_ptr<const Platform>, std::less<>> platforms_;
};

}  // namespace tally::platform
