// SPDX-License-Identifier: Apache-2.0
// Starts the cluster when the first test wants it, and stops it when the program ends.
#include "tests/support/database.hpp"

#include <fmt/format.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <thread>

#include "common/postgres/cluster.hpp"
#include "common/postgres/migrate.hpp"

namespace tally::test {

namespace {

class Cluster {
public:
    Cluster() : directory_(make_directory()), cluster_(postgres::PrivateCluster::start(directory_)) {
        postgres::Session session{{.url = url("postgres"), .application_name = "tests"}};
        session.exec_alone("ALTER SYSTEM SET fsync = off");
        session.exec_alone("SELECT pg_reload_conf()");
        session.exec_alone("CREATE DATABASE migrated");
        postgres::Session fresh{{.url = url("migrated"), .application_name = "tests"}};
        postgres::migrate(fresh);
    }
    ~Cluster() {
        cluster_.stop();
        std::filesystem::remove_all(directory_);
    }
    Cluster(const Cluster&) = delete;
    Cluster& operator=(const Cluster&) = delete;

    std::string url(const std::string& database) const {
        auto url = cluster_.place().url;
        return url.replace(url.rfind('/') + 1, std::string::npos, database);
    }
    const std::string& directory() const { return directory_; }

private:
    static std::string make_directory() {
        if (sodium_init() < 0) throw Error(Fault::internal, "libsodium does not start");
        char path[] = "/tmp/tally-tests-XXXXXX";
        if (::mkdtemp(path) == nullptr || ::chmod(path, 0755) != 0)
            throw Error(Fault::failed, "cannot make a directory");
        return path;
    }
    std::string directory_;
    postgres::PrivateCluster cluster_;
};

Cluster& cluster() {
    static Cluster instance;
    return instance;
}

}  // namespace

Database::Database() {
    create("migrated");
}

Database::Database(Empty) {
    create("template1");
}

void Database::create(const char* source) {
    static int count = 0;
    name_ = fmt::format("test_{}", ++count);
    postgres::Session session{{.url = cluster().url("postgres"), .application_name = "tests"}};
    session.exec_alone(fmt::format("CREATE DATABASE {} TEMPLATE {}", name_, source));
}

Database::~Database() {
    postgres::Session session{{.url = cluster().url("postgres"), .application_name = "tests"}};
    session.exec_alone(fmt::format("DROP DATABASE {} WITH (FORCE)", name_));
}

postgres::Session Database::session(const std::string& role) const {
    return postgres::Session{options(role)};
}

postgres::Options Database::options(const std::string& role) const {
    return {.url = cluster().url(name_), .application_name = "tests", .role = role};
}

std::string Database::value(const std::string& sql) const {
    auto session = this->session("");
    auto transaction = session.begin();
    const auto result = transaction.exec_text("SELECT (" + sql + ")::text AS value");
    return result[0].optional_text("value").value_or("NULL");
}

void Database::execute(const std::string& sql) const {
    session("").exec_alone(sql);
}

void Database::wait_until(const std::string& condition) const {
    for (int i = 0; i < 500; ++i) {
        if (value(condition) == "true") return;
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
    throw Error(Fault::failed, "this never came true: " + condition);
}

std::string Database::state_dir() {
    return cluster().directory();
}

}  // namespace tally::test
