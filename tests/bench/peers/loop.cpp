// SPDX-License-Identifier: Apache-2.0
// What tallyd is measured against: the tightest collector one would write by hand. One thread speaks HTTP through a
// curl multi handle, one speaks to PostgreSQL: COPY into a temporary table, one upsert a batch. Tokens lie in the open,
// an answer that is not as expected ends the program, nobody remembers what failed.
//   bare  reads all accounts and collects them: what a crash loses is lost
//   fair  claims batches with SKIP LOCKED, writes a row a run, and finishes the leases: what any crash-safe design
//   needs
// It shares no code with tally.
#include <curl/curl.h>
#include <fmt/format.h>
#include <libpq-fe.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <iostream>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t kBatch = 256;

struct Account {
    std::string connection_id, lease_token, user_id, account_id, token;
};

struct Collected {
    Account account;
    std::string rows;  // lines of COPY
};

class Database {
public:
    explicit Database(const char* url) : connection_(PQconnectdb(url), PQfinish) {
        exec(
            "CREATE TEMP TABLE stage (user_id text COLLATE \"C\", platform text COLLATE \"C\", account_id text COLLATE "
            "\"C\","
            " source text COLLATE \"C\", metric text COLLATE \"C\", value float8, date date, metadata jsonb, run_id "
            "bigint) ON COMMIT DELETE ROWS");
        prepare("upsert",
                "INSERT INTO peer_snapshots AS h (user_id, platform, account_id, source, metric, value, date, metadata,"
                " run_id, fetched_at, first_seen_at)"
                " SELECT user_id, platform, account_id, source, metric, value, date, metadata, run_id, now(), now() "
                "FROM stage"
                " ORDER BY user_id, platform, account_id, source, metric, date"
                " ON CONFLICT (user_id, platform, account_id, source, metric, date)"
                " DO UPDATE SET value = excluded.value, metadata = excluded.metadata, run_id = excluded.run_id,"
                " fetched_at = excluded.fetched_at"
                " WHERE h.value <> excluded.value");
        prepare("claim",
                "WITH claimed AS (UPDATE peer_slots s SET lease_token = nextval('lease_token'), lease_node = 'loop',"
                " attempt = s.attempt + 1 FROM (SELECT connection_id FROM peer_slots WHERE due_at <= now()"
                " AND lease_node IS NULL ORDER BY due_at, connection_id LIMIT $1 FOR UPDATE SKIP LOCKED) d"
                " WHERE s.connection_id = d.connection_id RETURNING s.connection_id, s.lease_token)"
                " SELECT connection_id, lease_token, user_id, account_id, token FROM claimed JOIN peer_accounts USING "
                "(connection_id)");
        prepare("record",
                "INSERT INTO peer_runs (run_id, connection_id, user_id, platform, account_id, trigger, started_at, "
                "node, attempt,"
                " state, requests, rows_written, rows_changed) SELECT token, id, user_id, 'bench', account_id, "
                "'schedule', now(),"
                " 'loop', 1, 'succeeded', 1, 5, 5 FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[])"
                " AS r(id, token, user_id, account_id)");
        prepare(
            "finish",
            "UPDATE peer_slots s SET due_at = next, collect_at = next, slot_at = next, attempt = 0, lease_token = NULL,"
            " lease_node = NULL FROM (SELECT now() + interval '1 hour' AS next, * FROM unnest($1::bigint[], "
            "$2::bigint[])"
            " AS f(id, token)) f WHERE s.connection_id = f.id AND s.lease_token = f.token");
    }

    std::vector<Account> all() {
        return accounts(
            exec("SELECT connection_id, 0, user_id, account_id, token FROM peer_accounts ORDER BY connection_id"));
    }

    std::vector<Account> claim() {
        const auto limit = std::to_string(kBatch);
        return accounts(run("claim", {limit.c_str()}));
    }

    void store(const std::vector<Collected>& batch, bool leased) {
        exec("BEGIN");
        exec("COPY stage FROM STDIN", PGRES_COPY_IN);
        std::string rows;
        for (const auto& collected : batch) rows += collected.rows;
        if (PQputCopyData(connection_.get(), rows.data(), static_cast<int>(rows.size())) != 1 ||
            PQputCopyEnd(connection_.get(), nullptr) != 1)
            fail();
        for (Answer answer{PQgetResult(connection_.get()), PQclear}; answer;
             answer.reset(PQgetResult(connection_.get())))
            if (PQresultStatus(answer.get()) != PGRES_COMMAND_OK) fail();
        run("upsert", {});
        if (leased) {
            std::string ids = "{", tokens = "{", users = "{", names = "{";
            for (const auto& [account, lines] : batch) {
                const char* comma = ids.size() > 1 ? "," : "";
                ids += comma + account.connection_id;
                tokens += comma + account.lease_token;
                users += comma + account.user_id;
                names += comma + account.account_id;
            }
            for (auto* list : {&ids, &tokens, &users, &names}) *list += '}';
            run("record", {ids.c_str(), tokens.c_str(), users.c_str(), names.c_str()});
            run("finish", {ids.c_str(), tokens.c_str()});
        }
        exec("COMMIT");
    }

private:
    using Answer = std::unique_ptr<PGresult, decltype(&PQclear)>;

    [[noreturn]] void fail() const { throw std::runtime_error(PQerrorMessage(connection_.get())); }

    Answer check(PGresult* result, ExecStatusType wanted = PGRES_COMMAND_OK) const {
        Answer answer{result, PQclear};
        const auto status = PQresultStatus(result);
        if (status != wanted && status != PGRES_TUPLES_OK) fail();
        return answer;
    }
    Answer exec(const char* sql, ExecStatusType wanted = PGRES_COMMAND_OK) {
        return check(PQexec(connection_.get(), sql), wanted);
    }
    void prepare(const char* name, const char* sql) { check(PQprepare(connection_.get(), name, sql, 0, nullptr)); }
    Answer run(const char* name, const std::vector<const char*>& values) {
        return check(PQexecPrepared(connection_.get(), name, static_cast<int>(values.size()), values.data(), nullptr,
                                    nullptr, 0));
    }

    static std::vector<Account> accounts(const Answer& answer) {
        std::vector<Account> found;
        for (int row = 0; row < PQntuples(answer.get()); ++row) {
            const auto value = [&](int column) { return PQgetvalue(answer.get(), row, column); };
            found.push_back({value(0), value(1), value(2), value(3), value(4)});
        }
        return found;
    }

    std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

/// What the two threads tell each other.
class Exchange {
public:
    void add_work(std::vector<Account> accounts) {
        const std::lock_guard lock{mutex_};
        for (auto& account : accounts) work_.push_back(std::move(account));
        asked_ = false;
    }
    void no_more_work() {
        const std::lock_guard lock{mutex_};
        dry_ = true;
        asked_ = false;
    }
    bool take(Account& account) {
        const std::lock_guard lock{mutex_};
        if (work_.size() < kBatch && !dry_ && !asked_) {
            asked_ = true;
            wake_.notify_one();
        }
        if (work_.empty()) return false;
        account = std::move(work_.front());
        work_.pop_front();
        return true;
    }
    bool dry() {
        const std::lock_guard lock{mutex_};
        return dry_ && work_.empty();
    }
    void add_result(Collected collected) {
        const std::lock_guard lock{mutex_};
        results_.push_back(std::move(collected));
        if (results_.size() >= kBatch) wake_.notify_one();
    }
    void no_more_results() {
        const std::lock_guard lock{mutex_};
        over_ = true;
        wake_.notify_one();
    }

    struct Task {
        bool claim = false;
        std::vector<Collected> results;
        bool over = false;
    };
    Task next() {
        std::unique_lock lock{mutex_};
        wake_.wait(lock, [this] { return asked_ || over_ || results_.size() >= kBatch; });
        Task task;
        task.claim = asked_;
        if (results_.size() >= kBatch || over_) task.results = std::exchange(results_, {});
        task.over = over_;
        return task;
    }

private:
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Account> work_;
    std::vector<Collected> results_;
    bool asked_ = false, dry_ = false, over_ = false;
};

struct Request {
    CURL* curl;
    Account account;
    std::string answer;
    curl_slist* headers = nullptr;
};

std::size_t keep(char* data, std::size_t, std::size_t size, void* request) {
    static_cast<Request*>(request)->answer.append(data, size);
    return size;
}

std::string text_of_time(const char* format, std::time_t time) {
    std::tm utc{};
    gmtime_r(&time, &utc);
    char text[40];
    return {text, std::strftime(text, sizeof text, format, &utc)};
}

/// The same rows as tally's: readers want to know where a number comes from.
std::string rows_of(const Request& request) {
    const auto answer = nlohmann::json::parse(request.answer);
    const auto& account = request.account;
    const auto now = std::time(nullptr);
    const auto date = text_of_time("%Y-%m-%d", now), fetched_at = text_of_time("%Y-%m-%dT%H:%M:%SZ", now),
               final_at = text_of_time("%Y-%m-%dT00:00:00Z", now + 86'400);
    const auto metadata = fmt::format(
        R"({{"api":"account","fetched_at":"{}","final":false,"final_at":"{}","period":"now","unit":"count"}})",
        fetched_at, final_at);
    std::string rows;
    for (const auto* metric : {"followers", "following", "posts", "likes", "views"})
        rows +=
            fmt::format("{}\tbench\t{}\tsocial_media\t{}\t{}\t{}\t{}\t{}\n", account.user_id, account.account_id,
                        metric, answer.at("counters").at(metric).get<double>(), date, metadata, account.lease_token);
    return rows;
}

/// Collects until there is nothing more; gives how many.
std::size_t fetch(Exchange& exchange, const std::string& base_url, std::size_t concurrency) {
    CURLM* multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, static_cast<long>(concurrency));
    std::vector<std::unique_ptr<Request>> requests;
    std::vector<Request*> idle;
    for (std::size_t i = 0; i < concurrency; ++i) {
        auto& request = *requests.emplace_back(std::make_unique<Request>());
        request.curl = curl_easy_init();
        curl_easy_setopt(request.curl, CURLOPT_WRITEFUNCTION, keep);
        curl_easy_setopt(request.curl, CURLOPT_WRITEDATA, &request);
        curl_easy_setopt(request.curl, CURLOPT_PRIVATE, &request);
        curl_easy_setopt(request.curl, CURLOPT_TIMEOUT, 30L);
        idle.push_back(&request);
    }
    std::size_t served = 0, running = 0;
    while (!exchange.dry() || running > 0) {
        Account account;
        while (!idle.empty() && exchange.take(account)) {
            auto& request = *idle.back();
            idle.pop_back();
            request.account = std::move(account);
            request.answer.clear();
            curl_slist_free_all(request.headers);
            request.headers = curl_slist_append(nullptr, ("Authorization: Bearer " + request.account.token).c_str());
            curl_easy_setopt(request.curl, CURLOPT_HTTPHEADER, request.headers);
            curl_easy_setopt(request.curl, CURLOPT_URL,
                             (base_url + "/v1/accounts/" + request.account.account_id).c_str());
            curl_multi_add_handle(multi, request.curl);
            ++running;
        }
        int active = 0, left = 0;
        curl_multi_perform(multi, &active);
        bool finished = false;
        while (CURLMsg* message = curl_multi_info_read(multi, &left)) {
            if (message->msg != CURLMSG_DONE) continue;
            Request* request = nullptr;
            long status = 0;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &request);
            curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
            if (message->data.result != CURLE_OK || status != 200)
                throw std::runtime_error(fmt::format("{}: {}", status, curl_easy_strerror(message->data.result)));
            curl_multi_remove_handle(multi, request->curl);
            exchange.add_result({.account = request->account, .rows = rows_of(*request)});
            idle.push_back(request);
            --running;
            ++served;
            finished = true;
        }
        if (!finished) curl_multi_poll(multi, nullptr, 0, 1, nullptr);
    }
    exchange.no_more_results();
    return served;
}

void serve_database(Database& database, Exchange& exchange, bool leased) {
    for (;;) {
        auto task = exchange.next();
        if (!task.results.empty()) database.store(task.results, leased);
        if (task.over) return;
        if (task.claim) {
            auto accounts = leased ? database.claim() : std::vector<Account>{};
            if (accounts.empty())
                exchange.no_more_work();
            else
                exchange.add_work(std::move(accounts));
        }
    }
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 5) {
        std::cerr << "usage: tally-bench-loop (bare | fair) DATABASE_URL PLATFORM_URL CONCURRENCY\n";
        return 64;
    }
    const bool fair = std::string{argv[1]} == "fair";
    curl_global_init(CURL_GLOBAL_DEFAULT);
    Database database{argv[2]};
    const auto start = std::chrono::steady_clock::now();
    Exchange exchange;
    if (!fair) exchange.add_work(database.all());
    std::thread writer{[&] {
        try {
            serve_database(database, exchange, fair);
        } catch (const std::exception& error) {
            std::cerr << "tally-bench-loop: " << error.what() << '\n';
            std::_Exit(1);
        }
    }};
    const auto served = fetch(exchange, argv[3], std::stoul(argv[4]));
    writer.join();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::cout << fmt::format("{{\"served\": {}, \"seconds\": {}}}\n", served, seconds.count());
} catch (const std::exception& error) {
    std::cerr << "tally-bench-loop: " << error.what() << '\n';
    std::_Exit(1);
}
