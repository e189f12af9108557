// SPDX-License-Identifier: Apache-2.0
// The two ways the daemon runs work beside the loop: a joined group of coroutines, and blocking calls on a pool.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <list>
#include <type_traits>
#include <utility>

namespace tally::net {

namespace asio = boost::asio;

/// Coroutines that are stopped and joined together. Use from the executor's thread only. Must be empty (joined) when it
/// is destroyed.
class TaskGroup {
public:
    explicit TaskGroup(asio::any_io_executor executor);
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;

    void spawn(asio::awaitable<void> task);
    /// Cancels every task; they still have to be joined. New tasks may be spawned afterwards and are not cancelled.
    void stop();
    /// Suspends until no task runs. @throws the first error of a task that was not stopped.
    asio::awaitable<void> join();
    std::size_t size() const noexcept { return running_.size(); }

private:
    asio::any_io_executor executor_;
    asio::steady_timer idle_;
    std::list<asio::cancellation_signal> running_;  // a list: slots must not move
    std::exception_ptr first_error_;
    bool stopping_ = false;
};

/// Runs a blocking call on the pool and resumes here with its result. The call is never abandoned: cancellation of the
/// caller is delivered after it has finished (an empty slot, because Boost 1.81 terminates when cancellation reaches a
/// co_spawn on another executor that ends without suspending).
template <class F>
asio::awaitable<std::invoke_result_t<F>> run_blocking(asio::thread_pool& pool, F call) {
    auto task = [work = std::move(call)]() mutable -> asio::awaitable<std::invoke_result_t<F>> { co_return work(); };
    co_return co_await asio::co_spawn(pool, std::move(task),
                                      asio::bind_cancellation_slot(asio::cancellation_slot{}, asio::use_awaitable));
}

/// A wake-up that is never lost: notify() before wait() makes that wait return at once. One waiter at a time.
class Event {
public:
    explicit Event(const asio::any_io_executor& executor) : timer_(executor) {}
    void notify();
    /// Returns when notified or when the time has passed, whichever is first.
    asio::awaitable<void> wait_for(std::chrono::milliseconds timeout);

private:
    asio::steady_timer timer_;
    bool notified_ = false;
};

}  // namespace tally::net
