// SPDX-License-Identifier: Apache-2.0
// The control commands that set the rules of the Guard.
#include "guard_commands.hpp"

#include "command.hpp"

namespace sim {
namespace {

Reply require_proof(Guard& guard, const Json& body) {
    allow_only(body, {"on"});
    if (!body.contains("on") || !body["on"].is_boolean()) throw BadCommand{"'on' must be true or false"};
    guard.require_proof(body["on"].get<bool>());
    return done();
}

bool is_version(std::string_view text) {
    return text.size() > 3 && text.front() == 'v' && text.ends_with(".0") &&
           parse_integer(text.substr(1, text.size() - 3));
}

Reply serve_version(Guard& guard, const Json& body) {
    allow_only(body, {"version"});
    auto version = text(body, "version");
    if (!version.empty() && !is_version(version)) throw BadCommand{fmt::format("not a version: '{}'", version)};
    guard.serve_version(std::move(version));
    return done();
}

Reply set_limit(Guard& guard, const Json& body) {
    allow_only(body, {"platform", "scope", "requests", "seconds"});
    const auto platform = platform_of(text(body, "platform"));
    const auto scope = parse_scope(text(body, "scope"));
    if (!scope) throw BadCommand{"'scope' must be app, token or account"};
    const auto whole = [&body](const char* name, double highest) {
        if (!body.contains(name) || !body[name].is_number_integer())
            throw BadCommand{fmt::format("'{}' must be a whole number", name)};
        return static_cast<std::int64_t>(number(body, name, 1, highest));
    };
    const auto requests = static_cast<std::uint64_t>(whole("requests", 1e9));
    guard.limits().set(platform, *scope, {requests, std::chrono::seconds{whole("seconds", 31 * 86400)}});
    return done();
}

Reply set_clock(Simulator& simulator, const Json& body) {
    allow_only(body, {"offset_seconds"});
    if (!body.contains("offset_seconds") || !body["offset_seconds"].is_number_integer())
        throw BadCommand{"'offset_seconds' must be a whole number"};
    const auto offset = number(body, "offset_seconds", -double{kLargestOffset}, double{kLargestOffset});
    simulator.set_clock_offset(std::chrono::seconds{static_cast<std::int64_t>(offset)});
    return done();
}

}  // namespace

std::optional<Reply> answer_guard_command(Simulator& simulator, const Request& request) {
    const auto path = request.segments();
    if (path.size() != 2) return std::nullopt;
    if (request.method == "GET" && path[1] == "violations")
        return json_reply(200, simulator.guard().violations().show());
    if (request.method == "DELETE" && path[1] == "limit") {
        simulator.guard().limits().clear();
        return done();
    }
    if (request.method != "POST") return std::nullopt;
    if (path[1] == "limit") return set_limit(simulator.guard(), read_body(request));
    if (path[1] == "clock") return set_clock(simulator, read_body(request));
    if (path[1] == "require-proof") return require_proof(simulator.guard(), read_body(request));
    if (path[1] == "served-version") return serve_version(simulator.guard(), read_body(request));
    return std::nullopt;
}

}  // namespace sim
