// SPDX-License-Identifier: Apache-2.0
// Lending and giving back of sessions.
#include "common/postgres/pool.hpp"

namespace tally::postgres {

Pool::Lent Pool::acquire() {
    std::unique_ptr<Session> session;
    {
        std::unique_lock lock{mutex_};
        returned_.wait(lock, [this] { return !free_.empty(); });
        session = std::move(free_.back());
        free_.pop_back();
    }
    if (session && session->is_open()) return {*this, std::move(session)};
    try {
        return {*this, std::make_unique<Session>(options_)};
    } catch (...) {
        give_back(nullptr);
        throw;
    }
}

void Pool::give_back(std::unique_ptr<Session> session) noexcept {
    {
        const std::lock_guard lock{mutex_};
        free_.push_back(std::move(session));  // never grows past its first size
    }
    returned_.notify_one();
}

}  // namespace tally::postgres
