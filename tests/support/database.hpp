// SPDX-License-Identifier: Apache-2.0
// A fresh, migrated database for each test, on one throw-away cluster for the whole program.
#pragma once

#include <string>

#include "common/postgres/session.hpp"

namespace tally::test {

class Database {
public:
    struct Empty {};
    Database();  ///< a clone of a migrated template
    explicit Database(Empty);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    /// @param role empty: the superuser
    postgres::Session session(const std::string& role = "tally_collector") const;
    /// What a pool of such sessions needs.
    postgres::Options options(const std::string& role = "tally_collector") const;
    /// One text of one row, as the superuser.
    std::string value(const std::string& sql) const;
    void execute(const std::string& sql) const;
    /// Returns once the condition holds. @throws Error after some seconds
    void wait_until(const std::string& condition) const;
    static std::string state_dir();  ///< of the cluster

private:
    void create(const char* source);
    std::string name_;
};

}  // namespace tally::test
