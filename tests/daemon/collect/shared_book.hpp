// SPDX-License-Identifier: Apache-2.0
// What the tests of the books share that nodes keep together: a database, a pool, and a loop to await on.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <utility>

#include "common/postgres/pool.hpp"
#include "tests/support/database.hpp"

namespace tally::test {

struct SharedBook {
    ~SharedBook() { threads.join(); }

    template <class T>
    T await(boost::asio::awaitable<T> task) {
        auto result = boost::asio::co_spawn(loop, std::move(task), boost::asio::use_future);
        loop.restart();
        loop.run();
        return result.get();
    }

    Database database;
    boost::asio::io_context loop;
    boost::asio::thread_pool threads{1};
    postgres::Pool pool{database.options(), 1};
};

}  // namespace tally::test
