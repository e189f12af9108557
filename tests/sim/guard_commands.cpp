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

}  // namespace

std::optional<Reply> answer_guard_command(Simulator& simulator, const Request& request) {
    const auto path = request.segments();
    if (path.size() != 2 || request.method != "POST") return std::nullopt;
    if (path[1] == "require-proof") return require_proof(simulator.guard(), read_body(request));
    if (path[1] == "served-version") return serve_version(simulator.guard(), read_body(request));
    return std::nullopt;
}

}  // namespace sim
