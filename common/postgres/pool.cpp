// SPDX-License-Identifier: Apache-2.0
// Lends sessions, one borrower each.
#include "common/postgres/pool.hpp"

#include <utility>

namespace tally::postgres {

Pool::Pool(Options options, unsigned size) : options_(std::move(options)), free_(size) {
    idle_.reserve(size);
    idle_.push_back(std::make_unique<Session>(options_));
}

Pool::Loan::Loan(Pool& pool) : pool_(pool) {
    std::unique_lock lock{pool_.mutex_};
    pool_.returned_.wait(lock, [this] { return pool_.free_ > 0; });
    --pool_.free_;
    if (!pool_.idle_.empty()) {
        session_ = std::move(pool_.idle_.back());
        pool_.idle_.pop_back();
    }
}

Pool::Loan::~Loan() {
    {
        const std::scoped_lock lock{pool_.mutex_};
        ++pool_.free_;
        if (session_ && session_->is_open()) pool_.idle_.push_back(std::move(session_));
    }
    pool_.returned_.notify_one();
}

Transaction Pool::Loan::begin() {
    if (session_ && session_->is_open()) {
        try {
            return session_->begin();
        } catch (const Error& error) {
            if (error.fault() != Fault::unreachable) throw;
        }
    }
    session_ = std::make_unique<Session>(pool_.options_);
    return session_->begin();
}

}  // namespace tally::postgres
