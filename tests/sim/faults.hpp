// SPDX-License-Identifier: Apache-2.0
// Faults on command: which request is hit, and what its answer is turned into.
#pragma once

#include "call.hpp"
#include "tokens.hpp"

#include <chrono>
#include <cstdint>
#include <list>
#include <optional>
#include <random>
#include <string>
#include <string_view>

namespace sim {

/// Whose request it is, as far as path and token tell.
struct Origin {
    std::optional<Platform> platform;
    std::string account;
    Token token;  ///< it was sent with
};

enum class FaultKind : std::uint8_t {
    status,
    hang,
    cut,
    garbage,
    html,
    empty,
    slow,
    latin1,
    rate_limit,
    wrong_version,
    answer,  ///< exactly the reply that was commanded
};

std::optional<FaultKind> parse_fault_kind(std::string_view name);

struct Fault {
    std::uint64_t id = 0;
    std::optional<Platform> platform;  ///< nothing: all
    std::string account;               ///< empty: all
    std::string path;                  ///< must occur in path and query; empty: all
    FaultKind kind = FaultKind::status;
    std::optional<unsigned> status;
    std::optional<int> retry_after;      ///< seconds
    std::optional<std::uint64_t> count;  ///< requests still to hit; nothing: until deleted
    double probability = 1;
    std::chrono::milliseconds slow_for{4000};
    Reply reply;  ///< of `answer`

    /// The request is turned away before anything is done for it.
    bool refuses() const {
        return kind == FaultKind::status || kind == FaultKind::rate_limit || kind == FaultKind::answer;
    }
};

/// The faults that stand, in the order they were ordered.
class FaultBook {
public:
    explicit FaultBook(std::uint64_t seed) : dice_{seed} {}

    std::uint64_t add(Fault fault);
    bool remove(std::uint64_t id);
    void clear() { faults_.clear(); }
    bool empty() const { return faults_.empty(); }

    /// The first fault that hits this request; uses up one of its count.
    std::optional<Fault> strike(const Origin& origin, std::string_view target);

private:
    std::list<Fault> faults_;
    std::uint64_t next_id_ = 1;
    std::mt19937_64 dice_;
};

/// `healthy` is the answer the request would have had.
Reply spoil(const Call& call, const Origin& origin, const Fault& fault, Reply healthy);

}  // namespace sim
