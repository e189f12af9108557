// SPDX-License-Identifier: Apache-2.0
// Runs a plan: look-ups first, then request after request, page after page; decides how far a failure reaches.
#include "daemon/collect/collector.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "common/error.hpp"
#include "daemon/collect/transport_verdict.hpp"
#include "daemon/platform/extraction.hpp"
#include "daemon/platform/lookup.hpp"
#include "daemon/platform/plan.hpp"
#include "daemon/platform/request.hpp"

namespace tally::collect {

namespace {

using boost::asio::awaitable;
using platform::Outcome;
using platform::Verdict;
using Document = std::shared_ptr<const nlohmann::json>;  ///< an answer's body, parsed once; set when the verdict is ok

/// A platform that fails this often in a row is not asked again in this run; the retry asks for what is missing.
constexpr unsigned kRetriesThatStop = 2;
constexpr std::chrono::days kTrialDay{4};  // so long ago that every platform has it

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

/// A request that a run may repeat once, after the token or what was looked up with it has been renewed.
bool may_be_the_token(Outcome outcome) noexcept {
    return outcome == Outcome::reauthorize || outcome == Outcome::bug;
}

/// One job under way. Lives in the frame of collect().
class Collection {
public:
    Collection(net::HttpClient& http, Budgets& budgets, Job& job) : http_(http), budgets_(budgets), job_(job) {}

    awaitable<void> run() {
        if (!co_await look_up(job_.refresh_lookups) || !find_zone()) {
            if (result.waits()) result.tasks_left = 1;  // at least
            co_return;
        }
        auto plan = platform::plan({.platform = *job_.platform,
                                    .zone = *zone_,
                                    .coverage = job_.coverage,
                                    .now = now(),
                                    .backfill = job_.backfill,
                                    .forced = job_.forced,
                                    .forced_since = job_.forced_since,
                                    .attributes = job_.target.attributes,
                                    .part = job_.part,
                                    .avoid = job_.refused,
                                    .probe = job_.probe,
                                    .max_tasks = job_.max_tasks});
        result.tasks_left = plan.left;
        if (job_.planned) job_.planned(plan);
        for (auto& task : plan.tasks) {
            if (result.stopped) ++result.tasks_left;
            if (result.stopped || given_up_.contains(task.request->name)) continue;
            co_await run_task(std::move(task));
        }
        if (!result.stopped) co_await name_missing_scopes();
        compare_numbers();
    }

    /// Only what shows that the token works: look-ups, else the first request of the moment.
    awaitable<void> run_check() {
        if (!co_await look_up(true) || result.requests > 0 || !find_zone()) co_return;
        for (const auto& request : job_.platform->requests) {
            if (request.window != platform::Request::Window::now) continue;
            platform::Task task{.request = &request, .days = std::nullopt, .metrics = request.metrics};
            co_await run_task(std::move(task));
            co_return;
        }
    }

    /// What shows that the token reads this very account: some of what is asked first is public. Every request that no
    /// account may lack is asked for one day.
    awaitable<void> run_trial() {
        if (!co_await look_up(true) || !find_zone()) co_return;
        const auto day = zone_->day_of(now()) - kTrialDay;
        auto plan = platform::plan({.platform = *job_.platform,
                                    .zone = *zone_,
                                    .coverage = {},
                                    .now = now(),
                                    .backfill = job_.backfill,
                                    .forced = DayRange{day, day},
                                    .forced_since = {},
                                    .attributes = job_.target.attributes,
                                    .avoid = {},
                                    .probe = {},
                                    .max_tasks = job_.max_tasks});
        for (auto& task : plan.tasks) {
            if (result.stopped) co_return;
            if (!task.request->optional) co_await run_task(std::move(task));
        }
    }

    awaitable<std::vector<MetricCheck>> run_metrics() {
        std::vector<MetricCheck> checks;
        if (!co_await look_up(true) || !find_zone()) {
            for (const auto& failure : result.failures)
                checks.push_back(
                    {.request = failure.request,
                     .metric = {},
                     .verdict = {.outcome = failure.outcome, .code = failure.code, .message = failure.message}});
            co_return checks;
        }
        const auto today = zone_->day_of(now());
        for (const auto& request : job_.platform->requests) {
            // The newest day whose numbers no platform may still hold back.
            const auto day = today - std::chrono::ceil<std::chrono::days>(request.final_after) - std::chrono::days{1};
            const bool is_now = request.window == platform::Request::Window::now;
            for (const auto& metric : platform::offered(*job_.platform, request, today)) {
                platform::Task task{.request = &request,
                                    .days = is_now ? std::nullopt : std::optional{DayRange{day, day}},
                                    .metrics = {metric}};
                const auto before = result.samples.size();
                auto verdict = co_await run_pages(task);
                checks.push_back({.request = request.name,
                                  .metric = metric,
                                  .verdict = std::move(verdict),
                                  .numbers = result.samples.size() - before});
                const auto outcome = checks.back().verdict.outcome;
                if (outcome == Outcome::reauthorize || outcome == Outcome::gone || outcome == Outcome::wait)
                    co_return checks;
            }
        }
        co_return checks;
    }

    Collected result;

private:
    /// One request and its answer. What looks like a dead token is tried once more with a renewed one.
    awaitable<Verdict> fetch(const std::function<platform::HttpRequest()>& render, const std::string& name,
                             Document& document) {
        if (token_trouble_) co_return *token_trouble_;  // a dead token, asked again, would look like a dead grant
        auto verdict = co_await fetch_once(render(), name, document);
        if (!may_be_the_token(verdict.outcome) || !co_await renew_token(verdict)) co_return verdict;
        co_return co_await fetch_once(render(), name, document);
    }

    awaitable<Verdict> fetch_once(platform::HttpRequest request, const std::string& name, Document& document) {
        if (auto denial = co_await budgets_.acquire(*job_.platform, job_.target, name, job_.spare)) {
            Verdict denied;
            denied.outcome = Outcome::wait;
            denied.code = "told to wait";
            denied.message = denial->reason;
            if (denial->backfill_only) result.put_off_until = denial->until;
            denied.wait = std::max(std::chrono::ceil<std::chrono::milliseconds>(denial->until - now()),
                                   std::chrono::milliseconds{1});
            co_return denied;
        }
        if (job_.leased && !job_.leased()) {  // asked last, right before the request goes out
            result.lease_lost = true;
            Verdict lost;
            lost.outcome = Outcome::wait;
            lost.code = kLeaseLost;
            lost.message = "another node may serve the connection";
            co_return lost;
        }
        ++result.requests;
        auto response = co_await http_.fetch(to_wire(request));
        if (response.failure != net::Response::Failure::none) {
            auto verdict = transport_verdict(response);
            if (job_.observe) job_.observe(request, response, verdict);
            co_return verdict;
        }
        platform::HttpAnswer answer{
            .status = response.status, .headers = std::move(response.headers), .body = std::move(response.body)};
        auto verdict = platform::classify(*job_.platform, answer, now(), request.version);
        budgets_.note(*job_.platform, job_.target, answer, verdict);
        if (verdict.served_version) result.served_version = verdict.served_version;
        document = answer.document();
        response.headers = std::move(answer.headers);
        response.body = std::move(answer.body);
        if (job_.observe) job_.observe(request, response, verdict);
        co_return verdict;
    }

    net::Request to_wire(const platform::HttpRequest& request) const {
        return {.method = request.method,
                .url = platform::full_url(request),
                .headers = request.headers,
                .body = request.body,
                .timeout = job_.request_timeout};
    }

    /// True when something about the tokens changed, so that asking again makes sense. Once a run for each remedy.
    awaitable<bool> renew_token(Verdict& verdict) {
        // A derived token may be stale while the connection's own is alive.
        if (!std::exchange(lookups_renewed_, true) && !looking_up_ && !job_.target.derived_tokens.empty()) {
            const auto before = job_.target.derived_tokens;
            const auto failures = result.failures.size();
            if (co_await look_up(true)) {
                const bool changed = std::any_of(before.begin(), before.end(), [&](const auto& token) {
                    return job_.target.derived_tokens[token.first].reveal() != token.second.reveal();
                });
                if (changed) co_return true;
            } else if (result.failures.size() > failures) {
                // The look-up's own failure says more than the request's.
                verdict.outcome = result.failures.back().outcome;
                verdict.code = result.failures.back().code;
                verdict.message = result.failures.back().message;
                result.failures.pop_back();
                result.stopped = false;
            } else if (result.put_off_until) {
                verdict = {};
                verdict.outcome = Outcome::wait;
                co_return false;
            }
        }
        if (verdict.outcome != Outcome::reauthorize || !job_.renew || std::exchange(token_renewed_, true))
            co_return false;
        auto renewal = co_await job_.renew();
        if (!renewal.access_token) {
            // The grant is dead, or the token endpoint is in trouble: its word counts.
            if (renewal.verdict.outcome != Outcome::ok) verdict = renewal.verdict;
            token_trouble_ = verdict;
            co_return false;
        }
        job_.target.access_token = *std::move(renewal.access_token);
        co_return true;
    }

    /// False when the job cannot go on.
    awaitable<bool> look_up(bool again) {
        looking_up_ = true;
        const bool found = co_await look_up_all(again);
        looking_up_ = false;
        co_return found;
    }

    awaitable<bool> look_up_all(bool again) {
        for (const auto& lookup : job_.platform->lookups) {
            if (!again && !platform::lookup_due(lookup, job_.target)) continue;
            Document answer;
            const std::function<platform::HttpRequest()> render = [this, &lookup] {
                return platform::render_lookup(*job_.platform, job_.target, lookup);
            };
            auto verdict = co_await fetch(render, lookup.name, answer);
            if (verdict.outcome == Outcome::ok) {
                try {
                    auto found = platform::read_lookup(lookup, *answer);
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

    bool find_zone() {
        try {
            zone_ = platform::day_zone(*job_.platform, job_.target);
            return true;
        } catch (const Error& error) {
            fail("day", {.outcome = Outcome::bug, .code = "time zone", .message = describe_line(error)});
            result.stopped = true;
            return false;
        }
    }

    /// Asks for one task; a request refused because of one metric is halved until the guilty one stands alone.
    awaitable<void> run_task(platform::Task task) {
        std::erase_if(task.metrics, [&](const std::string& metric) {
            return refused_metrics_.contains({task.request->name, metric});
        });
        if (task.metrics.empty()) co_return;
        const auto verdict = co_await run_pages(task);
        const auto& name = task.request->name;
        switch (verdict.outcome) {
            case Outcome::ok:
                ++result.tasks_done;
                retries_in_a_row_ = 0;
                if (task.is_probe)
                    for (const auto& metric : task.metrics) result.answered_again.emplace_back(name, metric);
                if (whole_request_is_probed(name)) result.answered_again.emplace_back(name, "");
                co_return;
            case Outcome::bad_metric:
                co_await split(std::move(task), verdict);
                co_return;
            case Outcome::retry:
                fail(name, verdict);
                result.stopped = ++retries_in_a_row_ >= kRetriesThatStop;
                co_return;
            case Outcome::wait:
                ++result.tasks_left;
                [[fallthrough]];
            case Outcome::reauthorize:
            case Outcome::gone:
                fail(name, verdict);
                result.stopped = true;
                co_return;
            case Outcome::forbidden:
                cover(task, platform::refuse(task, *zone_, now()));
                if (task.request->optional || task.is_probe) {
                    refuse(*task.request, task.is_probe ? task.metrics.front() : "", verdict);
                } else {
                    fail(name, verdict);
                }
                break;
            default:
                fail(name, verdict);
        }
        if (!task.is_probe) given_up_.insert(name);  // its other windows would be refused just so
    }

    bool whole_request_is_probed(const std::string& request) const {
        const auto probes = job_.probe.find(request);
        return probes != job_.probe.end() && probes->second.contains("");
    }

    void refuse(const platform::Request& request, const std::string& metric, const Verdict& verdict) {
        const auto* known = job_.platform->find_metric(metric);
        result.refusals.push_back({.request = request.name,
                                   .metric = metric,
                                   .code = verdict.code,
                                   .message = verdict.message,
                                   .expected = request.optional || (known != nullptr && known->optional)});
    }

    std::optional<std::string> guilty_metric(const platform::Task& task, const Verdict& verdict) const {
        if (task.metrics.size() == 1) return task.metrics.front();
        if (verdict.metric_place && *verdict.metric_place < task.metrics.size())
            return task.metrics[*verdict.metric_place];
        const bool named = verdict.metric &&
                           std::find(task.metrics.begin(), task.metrics.end(), *verdict.metric) != task.metrics.end();
        return named ? verdict.metric : std::nullopt;
    }

    awaitable<void> split(platform::Task task, const Verdict& verdict) {
        if (const auto metric = guilty_metric(task, verdict)) {
            const auto& request = *task.request;
            refused_metrics_.emplace(request.name, *metric);
            auto named = verdict;
            named.message = describe_refusal(*metric, verdict.message);
            refuse(request, *metric, named);
            // A metric that is known to be refused, or that not every account has, is no news.
            if (!result.refusals.back().expected && !task.is_probe) fail(request.name, named);
            if (task.metrics.size() == 1)
                cover_if_unknown(task, platform::refuse(task, *zone_, now()));
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

    std::string describe_refusal(const std::string& metric, const std::string& message) const {
        auto text = fmt::format("metric '{}' is refused: {}", metric, message);
        const auto* known = job_.platform->find_metric(metric);
        if (known != nullptr && !known->replaced_by.empty())
            text += fmt::format("; use '{}' instead", known->replaced_by);
        return text;
    }

    /// All pages of one task, or nothing of it: a sum over half of the pages would be a wrong number.
    awaitable<Verdict> run_pages(const platform::Task& task) {
        std::optional<platform::Extraction> extraction;
        std::optional<std::string> next;
        Verdict verdict;
        const std::function<platform::HttpRequest()> render = [this, &task, &next] {
            return next ? platform::render_page(*job_.platform, job_.target, task, *next)
                        : platform::render(*job_.platform, job_.target, task);
        };
        try {
            do {
                Document answer;
                verdict = co_await fetch(render, task.request->name, answer);
                if (verdict.outcome != Outcome::ok) co_return verdict;
                if (!extraction) extraction.emplace(*job_.platform, job_.target, task, now());
                extraction->add_answer(*answer);
                next = extraction->next_page();
            } while (next);
            auto extracted = extraction->finish();
            note_numbers(task, extracted);
            std::move(extracted.samples.begin(), extracted.samples.end(), std::back_inserter(result.samples));
            std::move(extracted.compared.begin(), extracted.compared.end(), std::back_inserter(compared_));
            cover(task, std::move(extracted.days));
        } catch (const Error& error) {
            verdict = {};
            verdict.outcome = Outcome::retry;
            verdict.code = "shape";
            verdict.message = describe_line(error);
        }
        co_return verdict;
    }

    void note_numbers(const platform::Task& task, const platform::Extraction::Result& extracted) {
        const auto& name = task.request->name;
        auto& numbers = numbers_of_[name];
        numbers += extracted.samples.size();
        for (const auto& sample : extracted.samples)
            result.answered.emplace(name, sample.metric.substr(0, sample.metric.find('.')));
    }

    /// Some platforms answer a request whose scope is missing with nothing at all instead of an error.
    awaitable<void> name_missing_scopes() {
        if (!job_.granted_scopes) co_return;
        std::vector<const platform::Request*> suspects;
        for (const auto& [name, numbers] : numbers_of_) {
            const auto* request = job_.platform->find_request(name);
            if (numbers == 0 && !request->empty_without_scope.empty()) suspects.push_back(request);
        }
        if (suspects.empty()) co_return;
        const auto granted = co_await job_.granted_scopes();
        if (!granted) co_return;
        for (const auto* request : suspects) {
            if (granted->contains(request->empty_without_scope)) continue;
            Verdict verdict;
            verdict.outcome = Outcome::forbidden;
            verdict.code = kMissingScope;
            verdict.message =
                fmt::format("the token lacks the scope '{}': the platform answers nothing instead of an error",
                            request->empty_without_scope);
            fail(request->name, verdict);
            for (auto& [day, status] : result.coverage[request->name]) {
                if (status.asked_at >= started_) status.state = platform::DayState::refused;
            }
        }
    }

    /// A number that two requests give must be the same in both: else days are dated wrongly.
    void compare_numbers() {
        for (const auto& other : compared_) {
            const auto same_place = [&](const platform::Sample& sample) {
                return sample.metric == other.metric && sample.day == other.day;
            };
            const auto own = std::find_if(result.samples.begin(), result.samples.end(), same_place);
            if (own == result.samples.end() || own->value == other.value) continue;
            if (own->metadata.find("\"final\":true") == std::string::npos) continue;  // it may have changed meanwhile
            Verdict verdict;
            verdict.outcome = Outcome::bug;
            verdict.code = "calibration";
            verdict.message = fmt::format(
                "{} of {} is {} in its series and {} as a total: the platform dates days in another way than the file "
                "says "
                "(day.stamp_is)",
                other.metric, render_day(other.day), own->value, other.value);
            fail("day", verdict);
            return;  // one example is enough
        }
    }

    platform::DayMap& changed_coverage(const platform::Task& task) {
        const auto& name = task.request->name;
        if (const auto known = result.coverage.find(name); known != result.coverage.end()) return known->second;
        const auto before = job_.coverage.find(name);
        return result.coverage.emplace(name, before == job_.coverage.end() ? platform::DayMap{} : before->second)
            .first->second;
    }

    /// Numbers of the moment that are asked for in every slot need no memory.
    static bool has_coverage(const platform::Task& task) {
        return task.days.has_value() || task.request->every == platform::Request::Every::day;
    }

    void cover(const platform::Task& task, platform::DayMap days) {
        if (!has_coverage(task)) return;
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
        if (!has_coverage(task)) return;
        auto& coverage = changed_coverage(task);
        for (const auto& [day, status] : days) coverage.try_emplace(day, status);
    }

    void fail(const std::string& request, const Verdict& verdict) {
        if (result.put_off_until && verdict.outcome == Outcome::wait) return;  // a backfill goes on later: no failure
        result.wait = std::max(result.wait, verdict.wait);
        result.failures.push_back(
            {.request = request, .outcome = verdict.outcome, .code = verdict.code, .message = verdict.message});
    }

    net::HttpClient& http_;
    Budgets& budgets_;
    Job& job_;
    std::optional<TimeZone> zone_;
    Instant started_ = now();
    std::set<std::string, std::less<>> given_up_;                    // requests that are not asked again in this run
    std::set<std::pair<std::string, std::string>> refused_metrics_;  // request, metric: found guilty in this run
    std::map<std::string, std::size_t> numbers_of_;                  // by request
    std::vector<platform::Sample> compared_;
    bool looking_up_ = false, lookups_renewed_ = false, token_renewed_ = false;
    std::optional<Verdict> token_trouble_;  // the token is dead, and this is why there is no other one
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

bool Collected::waits() const {
    return put_off_until || worst() == Outcome::wait;
}

awaitable<Collected> collect(net::HttpClient& http, Budgets& budgets, Job job) {
    Collection collection{http, budgets, job};
    co_await collection.run();
    co_return std::move(collection.result);
}

awaitable<Collected> check(net::HttpClient& http, Budgets& budgets, Job job) {
    Collection collection{http, budgets, job};
    co_await collection.run_check();
    co_return std::move(collection.result);
}

awaitable<Collected> try_account(net::HttpClient& http, Budgets& budgets, Job job) {
    Collection collection{http, budgets, job};
    co_await collection.run_trial();
    co_return std::move(collection.result);
}

awaitable<std::vector<MetricCheck>> check_metrics(net::HttpClient& http, Budgets& budgets, Job job) {
    Collection collection{http, budgets, job};
    co_return co_await collection.run_metrics();
}

}  // namespace tally::collect
