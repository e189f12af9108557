// SPDX-License-Identifier: Apache-2.0
// Runs a plan: look-ups first, then request after request, page after page; decides how far a failure reaches.
#include "daemon/collect/collector.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "common/error.hpp"
#include "daemon/platform/extraction.hpp"
#include "daemon/platform/lookup.hpp"
#include "daemon/platform/plan.hpp"
#include "daemon/platform/request.hpp"

namespace tally::collect {

namespace {

using boost::asio::awaitable;
using platform::Outcome;
using platform::Verdict;

/// A platform that fails this often in a row is not asked again in this run; the retry asks for what is missing.
constexpr unsigned kRetriesThatStop = 2;

/// The order in which outcomes matter to what happens to the connection next.
int gravity(Outcome outcome) noexcept {
    switch (outcome) {
        case Outcome::ok:
            return 0;
        case Outcome::bad_metric:
            return 1;
        case Outcome::forbidden:
            return 2;
        case Outcome::bug:
            return 3;
        case Outcome::retry:
            return 4;
        case Outcome::wait:
            return 5;
        case Outcome::reauthorize:
            return 6;
        case Outcome::gone:
            return 7;
    }
    return 3;
}

Verdict transport_verdict(const net::Response& response) {
    Verdict verdict;
    verdict.outcome = Outcome::retry;
    switch (response.failure) {
        case net::Response::Failure::resolve:
            verdict.code = "dns";
            break;
        case net::Response::Failure::connect:
            verdict.code = "connect";
            break;
        case net::Response::Failure::tls:
            verdict.code = "tls";
            break;
        case net::Response::Failure::timeout:
            verdict.code = "timeout";
            break;
        case net::Response::Failure::too_large:
            verdict.code = "too large";
            break;
        default:
            verdict.code = "network";
            break;
    }
    verdict.message = response.failure_text;
    return verdict;
}

/// One job under way. Lives in the frame of collect().
class Collection {
public:
    Collection(net::HttpClient& http, RateLimiter& limiter, Job& job) : http_(http), limiter_(limiter), job_(job) {}

    awaitable<void> run() {
        if (!co_await look_up()) co_return;
        const auto zone = day_zone();
        if (!zone) co_return;
        const auto tasks = platform::plan({.platform = *job_.platform,
                                           .zone = *zone,
                                           .coverage = job_.coverage,
                                           .now = now(),
                                           .backfill = job_.backfill,
                                           .forced = job_.forced});
        for (const auto& task : tasks) {
            if (result.stopped) break;
            if (given_up_.contains(task.request->name)) continue;
            co_await run_task(task);
        }
    }

    /// Only what shows that the token works.
    awaitable<void> run_check() {
        if (!co_await look_up() || result.requests > 0) co_return;
        for (const auto& request : job_.platform->requests) {
            if (request.window != platform::Request::Window::now) continue;
            co_await run_task({.request = &request, .days = std::nullopt, .metrics = request.metrics});
            co_return;
        }
    }

    Collected result;

private:
    awaitable<Verdict> fetch(platform::HttpRequest request, std::string& body) {
        co_await limiter_.acquire(*job_.platform, job_.target);
        ++result.requests;
        net::Request http_request{.method = std::move(request.method),
                                  .url = std::move(request.url),
                                  .headers = std::move(request.headers),
                                  .body = {},
                                  .timeout = job_.request_timeout};
        auto response = co_await http_.fetch(std::move(http_request));
        if (response.failure != net::Response::Failure::none) co_return transport_verdict(response);
        platform::HttpAnswer answer{
            .status = response.status, .headers = std::move(response.headers), .body = std::move(response.body)};
        auto verdict = platform::classify(*job_.platform, answer, now());
        if (verdict.served_version) result.served_version = verdict.served_version;
        body = std::move(answer.body);
        co_return verdict;
    }

    /// False when the job cannot go on.
    awaitable<bool> look_up() {
        for (const auto& lookup : job_.platform->lookups) {
            if (!job_.refresh_lookups && !platform::lookup_due(lookup, job_.target)) continue;
            std::string body;
            auto verdict = co_await fetch(platform::render_lookup(*job_.platform, job_.target, lookup), body);
            if (verdict.outcome == Outcome::ok) {
                try {
                    auto found = platform::read_lookup(lookup, body);
                    for (auto& [name, value] : found.attributes) learn(name, value);
                    for (auto& [name, token] : found.derived_tokens) {
                        job_.target.derived_tokens[name] = token;
                        result.learned_tokens[name] = token;
                    }
                    continue;
                } catch (const std::exception& error) {
                    verdict = {};
                    verdict.outcome = Outcome::retry;
                    verdict.code = "shape";
                    verdict.message = describe_line(error);
                }
            }
            // What is known from before, or an optional look-up, does not hold the collection up.
            const bool known = !platform::lookup_due(lookup, job_.target);
            if ((lookup.optional || known) && gravity(verdict.outcome) < gravity(Outcome::wait)) continue;
            fail(lookup.name, verdict);
            result.stopped = true;
            co_return false;
        }
        co_return true;
    }

    void learn(const std::string& name, const std::string& value) {
        job_.target.attributes[name] = value;
        result.learned_attributes[name] = value;
    }

    std::optional<TimeZone> day_zone() {
        try {
            return platform::day_zone(*job_.platform, job_.target);
        } catch (const Error& error) {
            fail("day", {.outcome = Outcome::bug, .code = "time zone", .message = describe_line(error)});
            result.stopped = true;
            return std::nullopt;
        }
    }

    /// Asks for one task; a request refused because of one metric is halved until the guilty one stands alone.
    awaitable<void> run_task(platform::Task task) {
        std::erase_if(task.metrics, [&](const std::string& metric) {
            return refused_metrics_.contains({task.request->name, metric});
        });
        if (task.metrics.empty()) co_return;
        const auto verdict = co_await run_pages(task);
        if (verdict.outcome == Outcome::ok) {
            ++result.tasks_done;
            retries_in_a_row_ = 0;
            co_return;
        }
        if (verdict.outcome == Outcome::bad_metric) {
            co_await split(std::move(task), verdict);
            co_return;
        }
        fail(task.request->name, verdict);
        switch (verdict.outcome) {
            case Outcome::retry:
                result.stopped = ++retries_in_a_row_ >= kRetriesThatStop;
                break;
            case Outcome::wait:
            case Outcome::reauthorize:
            case Outcome::gone:
                result.stopped = true;
                break;
            case Outcome::forbidden:
                cover(task, platform::refuse(task, now()));
                [[fallthrough]];
            default:
                given_up_.insert(task.request->name);  // its other windows would be refused just so
        }
    }

    awaitable<void> split(platform::Task task, const Verdict& verdict) {
        const auto guilty = verdict.metric && task.metrics.size() > 1
                                ? std::find(task.metrics.begin(), task.metrics.end(), *verdict.metric)
                                : task.metrics.end();
        if (task.metrics.size() == 1 || guilty != task.metrics.end()) {
            const auto metric = guilty != task.metrics.end() ? *guilty : task.metrics.front();
            refused_metrics_.emplace(task.request->name, metric);
            auto named = verdict;
            named.message = fmt::format("metric '{}' is refused: {}", metric, verdict.message);
            fail(task.request->name, named);
            if (task.metrics.size() == 1)
                cover_if_unknown(task, platform::refuse(task, now()));
            else
                co_await run_task(std::move(task));
            co_return;
        }
        auto second = task;
        const auto middle = task.metrics.begin() + static_cast<std::ptrdiff_t>(task.metrics.size() / 2);
        second.metrics.assign(middle, task.metrics.end());
        task.metrics.erase(middle, task.metrics.end());
        co_await run_task(std::move(task));
        if (!result.stopped) co_await run_task(std::move(second));
    }

    /// All pages of one task, or nothing of it: a sum over half of the pages would be a wrong number.
    awaitable<Verdict> run_pages(const platform::Task& task) {
        std::optional<platform::Extraction> extraction;
        Verdict verdict;
        try {
            auto request = platform::render(*job_.platform, job_.target, task);
            for (;;) {
                std::string body;
                verdict = co_await fetch(std::move(request), body);
                if (verdict.outcome != Outcome::ok) co_return verdict;
                if (!extraction) extraction.emplace(*job_.platform, job_.target, task, now());
                extraction->add_page(body);
                const auto next = extraction->next_page();
                if (!next) break;
                request = platform::render_page(*job_.platform, job_.target, task, *next);
            }
            auto extracted = extraction->finish();
            std::move(extracted.samples.begin(), extracted.samples.end(), std::back_inserter(result.samples));
            cover(task, std::move(extracted.days));
        } catch (const Error& error) {
            verdict = {};
            verdict.outcome = Outcome::retry;
            verdict.code = "shape";
            verdict.message = describe_line(error);
        }
        co_return verdict;
    }

    platform::DayMap& changed_coverage(const platform::Task& task) {
        const auto& name = task.request->name;
        if (const auto known = result.coverage.find(name); known != result.coverage.end()) return known->second;
        const auto before = job_.coverage.find(name);
        return result.coverage.emplace(name, before == job_.coverage.end() ? platform::DayMap{} : before->second)
            .first->second;
    }

    void cover(const platform::Task& task, platform::DayMap days) {
        if (!task.days) return;
        auto& coverage = changed_coverage(task);
        for (auto& [day, status] : days) {
            // Two halves of a split request: a day with numbers in one of them has numbers.
            const bool split = task.metrics.size() < task.request->metrics.size();
            const auto known = coverage.find(day);
            const bool weaker =
                status.state == platform::DayState::pending || status.state == platform::DayState::empty;
            if (split && weaker && known != coverage.end() && known->second.asked_at >= started_) continue;
            coverage.insert_or_assign(day, status);
        }
    }

    void cover_if_unknown(const platform::Task& task, const platform::DayMap& days) {
        if (!task.days) return;
        auto& coverage = changed_coverage(task);
        for (const auto& [day, status] : days) coverage.try_emplace(day, status);
    }

    void fail(const std::string& request, const Verdict& verdict) {
        result.wait = std::max(result.wait, verdict.wait);
        result.failures.push_back(
            {.request = request, .outcome = verdict.outcome, .code = verdict.code, .message = verdict.message});
    }

    net::HttpClient& http_;
    RateLimiter& limiter_;
    Job& job_;
    Instant started_ = now();
    std::set<std::string, std::less<>> given_up_;                    // requests that are not asked again in this run
    std::set<std::pair<std::string, std::string>> refused_metrics_;  // request, metric: found guilty in this run
    unsigned retries_in_a_row_ = 0;
};

}  // namespace

Outcome Collected::worst() const {
    auto worst = Outcome::ok;
    for (const auto& failure : failures) {
        if (gravity(failure.outcome) > gravity(worst)) worst = failure.outcome;
    }
    return worst;
}

awaitable<Collected> collect(net::HttpClient& http, RateLimiter& limiter, Job job) {
    Collection collection{http, limiter, job};
    co_await collection.run();
    co_return std::move(collection.result);
}

awaitable<Collected> check(net::HttpClient& http, RateLimiter& limiter, Job job) {
    Collection collection{http, limiter, job};
    job.refresh_lookups = true;
    co_await collection.run_check();
    co_return std::move(collection.result);
}

}  // namespace tally::collect
