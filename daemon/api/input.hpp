// SPDX-License-Identifier: Apache-2.0
// What requests carry, checked: days, tokens, attributes, imported users.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "daemon/api/http.hpp"
#include "daemon/store/registry.hpp"
#include "daemon/store/views.hpp"

namespace tally::api {

// Each throws Error (usage) that names what is wrong; never with a token.

/// A member that is a text, nullopt when it is absent or null.
std::optional<std::string> text_member(const nlohmann::json& object, const char* name);
/// False when it is missing. @throws Error (usage) when it is no boolean
bool flag_member(const nlohmann::json& object, const char* name);
void allow_members(const nlohmann::json& object, std::initializer_list<std::string_view> known);
/// "from" and "to": both or neither; the one given stands for both ends when it is `from` up to today.
std::optional<DayRange> days_of(const nlohmann::json& object);
/// 1 to 200 bytes of valid UTF-8 without control characters
void check_id(std::string_view what, std::string_view id);
void check_zone(const std::string& zone);
/// The members `tier`, `zone` and `report_to`.
store::Registry::UserChange read_user_change(const nlohmann::json& object);

/// The member `attributes`, empty when it is absent.
std::map<std::string, std::string> attributes_of(const nlohmann::json& object);
/// {"token", "attributes", "source"} for one account.
store::NewConnection read_connection(const store::ConnectionName& name, const nlohmann::json& object);
/// One line of an import.
store::Registry::ImportedUser read_imported_user(const std::string& line);

store::ListFilter filter_of(const Request& request);
store::ListFilter job_filter_of(const Request& request);  ///< whose `after` is the id of a job
/// A date of the query; nullopt when it is not given. @throws Error (usage) when it is none
std::optional<Day> day_parameter(const Request& request, const char* name);
std::int64_t id_of(const Request& request);
/// @throws Error (usage) when it is no number
std::int64_t read_number(std::string_view text);

}  // namespace tally::api
