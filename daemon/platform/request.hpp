// SPDX-License-Identifier: Apache-2.0
// From a task to what goes over the wire.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/secret.hpp"
#include "daemon/platform/plan.hpp"
#include "daemon/platform/platform.hpp"
#include "daemon/platform/target.hpp"

namespace tally::platform {

struct HttpRequest {
    std::string method = "GET";
    std::string url;      ///< without secrets: it may be logged
    Secret secret_query;  ///< "name=value&…", added to the URL when it is sent; may be empty
    Secret body;          ///< may be empty
    std::vector<std::pair<std::string, Secret>> headers;  ///< name, value
    std::string name;                                     ///< "instagram.reach"
    std::string version = {};                             ///< of the API that is asked; may be empty
};

/// What a window asks for as instants, both as they are sent.
struct Bounds {
    Instant start, end;
};
Bounds bounds(const Platform& platform, const TimeZone& zone, const Request& request, const DayRange& days);

/// The first page of a task. @throws Error when the account's zone is not known.
HttpRequest render(const Platform& platform, const Target& target, const Task& task);

/// The page that `next` (a link or a cursor of the page before) leads to.
/// @throws Error (failed) when a link leaves the platform's host or its encryption.
HttpRequest render_page(const Platform& platform, const Target& target, const Task& task, const std::string& next);

/// The URL as it is sent.
Secret full_url(const HttpRequest& request);

HttpRequest render_lookup(const Platform& platform, const Target& target, const Lookup& lookup);

}  // namespace tally::platform
