// SPDX-License-Identifier: Apache-2.0
// What Instagram and Facebook share: the Graph API's versions, error bodies, windows and usage headers.
#pragma once

#include "call.hpp"
#include "tokens.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sim {

struct GraphError {
    unsigned status = 400;
    int code = 100;
    int subcode = 0;  ///< 0: left out
    std::string message;
    std::string type = "OAuthException";
    bool transient = false;
};

Reply graph_error(const Call& call, const GraphError& error);
/// Nothing if Graph takes the token.
std::optional<GraphError> token_error(const Token& token);

/// The page token that belongs to the request's token.
std::string page_token(const Call& call, const Account& account);
/// `/me/accounts` of a user whose Page has this Instagram account.
Reply list_instagram_pages(const Call& call, const Account& account);

/// Paths with or without `/vNN.N/`; the token decides between Instagram and Facebook.
Reply answer_graph(const Call& call);
bool is_graph_path(std::string_view path);
/// What serves a request, such as `v25.0`: expired and unreleased versions are replaced silently by the oldest.
std::string graph_version(const Request& request);

/// The documented throttle answer of the account's platform.
Reply graph_throttle(const Call& call, Platform platform, std::string_view account, int regain_minutes);

/// Splits a `fields` list at the commas outside braces and drops the braces: `id,ig{name}` gives `id`, `ig`.
std::vector<std::string> split_fields(std::string_view fields);

/// Looks `fields` up by name; an unknown name fails the whole request, a null value leaves the field out.
Reply graph_node(const Call& call, std::string_view node_type, std::string_view id,
                 const std::function<std::optional<Json>(std::string_view)>& field);

/// An `n`th-metric-agnostic reading of since/until: unix seconds, or a date read as its Pacific midnight.
struct GraphTime {
    std::optional<Instant> at;  ///< nothing: absent or wrong
    bool wrong = false;
};
GraphTime read_graph_time(const Query& query, std::string_view name);

/// `paging` of an insights answer. As on the real platform it holds the token and never ends.
Json insights_paging(const Call& call, Instant since, Instant until);

/// The platform does not say what is wrong with a breakdown, and not always with the same code.
Reply unknown_breakdown(const Call& call, const Account& account);

/// `{"name", "period", …rest…, "title", "description", "id"}`
Json insights_entry(const Account& account, std::string_view name, std::string_view period, std::string_view member,
                    Json content);

}  // namespace sim
