// SPDX-License-Identifier: Apache-2.0
// Cuts the embedded query files into named statements.
#include "common/postgres/statements.hpp"

#include <fmt/format.h>

#include "common/error.hpp"
#include "common/postgres/embedded_sql.hpp"

namespace tally::postgres {

namespace {

constexpr std::string_view kMark = "-- name: ";

void cut(const SqlFile& file, std::map<std::string, std::string, std::less<>>& out) {
    std::string* current = nullptr;
    for (std::string_view rest = file.text; !rest.empty();) {
        const auto end = rest.find('\n');
        const auto line = rest.substr(0, end);
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        if (line.starts_with(kMark)) {
            // What follows the name on its line is a comment for readers.
            const auto after = line.substr(kMark.size());
            const std::string name{after.substr(0, after.find(' '))};
            const auto [where, fresh] = out.emplace(name, "");
            if (!fresh) throw Error(Fault::internal, fmt::format("statement '{}' is defined twice", name));
            current = &where->second;
        } else if (line.starts_with("--") || line.empty()) {
            continue;
        } else if (current == nullptr) {
            throw Error(Fault::internal, fmt::format("'{}' has text before its first statement", file.name));
        } else {
            current->append(line).append("\n");
        }
    }
}

}  // namespace

const std::map<std::string, std::string, std::less<>>& statements() {
    static const auto all = [] {
        std::map<std::string, std::string, std::less<>> map;
        for (const auto& file : embedded_sql()) {
            if (file.name.starts_with("queries/")) cut(file, map);
        }
        return map;
    }();
    return all;
}

const std::string& statement(std::string_view name) {
    const auto found = statements().find(name);
    if (found == statements().end()) throw Error(Fault::internal, fmt::format("there is no statement '{}'", name));
    return found->second;
}

std::string_view sql_file(std::string_view name) {
    for (const auto& file : embedded_sql()) {
        if (file.name == name) return file.text;
    }
    throw Error(Fault::internal, fmt::format("there is no SQL file '{}'", name));
}

}  // namespace tally::postgres
