// SPDX-License-Identifier: Apache-2.0
// TaskGroup and Event.
#include "daemon/net/async.hpp"

#include <boost/asio/as_tuple.hpp>

namespace tally::net {

TaskGroup::TaskGroup(asio::any_io_executor executor)
    : executor_(std::move(executor)), idle_(executor_, asio::steady_timer::time_point::max()) {}

void TaskGroup::spawn(asio::awaitable<void> task) {
    const auto self = running_.emplace(running_.end());
    asio::co_spawn(executor_, std::move(task),
                   asio::bind_cancellation_slot(self->slot(), [this, self](const std::exception_ptr& error) {
                       running_.erase(self);
                       if (error && !stopping_ && !first_error_) first_error_ = error;
                       if (running_.empty()) idle_.cancel();
                   }));
}

void TaskGroup::stop() {
    stopping_ = true;
    for (auto it = running_.begin(); it != running_.end();) (it++)->emit(asio::cancellation_type::terminal);
}

asio::awaitable<void> TaskGroup::join() {
    while (!running_.empty()) co_await idle_.async_wait(asio::as_tuple(asio::use_awaitable));
    stopping_ = false;
    if (first_error_) std::rethrow_exception(std::exchange(first_error_, nullptr));
}

void Event::notify() {
    notified_ = true;
    timer_.cancel();
}

asio::awaitable<void> Event::wait_for(std::chrono::milliseconds timeout) {
    if (!notified_) {
        timer_.expires_after(timeout);
        co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    notified_ = false;
}

}  // namespace tally::net
