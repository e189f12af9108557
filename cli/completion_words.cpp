// SPDX-License-Identifier: Apache-2.0
// Asks quickly and silently: somebody has pressed Tab.
#include "cli/completion_words.hpp"

#include <fmt/format.h>

#include <set>

#include "cli/daemon_client.hpp"
#include "cli/json_text.hpp"
#include "common/config/config.hpp"
#include "common/config/data_files.hpp"
#include "common/error.hpp"
#include "daemon/platform/catalog.hpp"

namespace tally::cli {

namespace {

constexpr std::chrono::milliseconds kPatience{1'000};
constexpr std::size_t kMost = 200;  // more are no help at the cursor

/// Gathers the words of one source.
class WordFinder {
public:
    explicit WordFinder(const Completion& completion) : completion_(completion) {}

    std::vector<Candidate> find() {
        switch (completion_.source) {
            case WordSource::users:
                users();
                break;
            case WordSource::platforms:
                platforms();
                break;
            case WordSource::connected_platforms:
                connected_platforms();
                break;
            case WordSource::accounts:
                accounts();
                break;
            case WordSource::metrics:
                metrics();
                break;
            case WordSource::tiers:
                for (const auto& [name, tier] : config::load(completion_.config).tiers) add(name, {});
                break;
            case WordSource::duties:
                duties();
                break;
            case WordSource::none:
            case WordSource::files:
                break;
        }
        return std::move(found_);
    }

private:
    void add(const std::string& word, const std::string& help) {
        // A word with a line break cannot be typed.
        if (word.empty() || word.find_first_of("\t\n\r") != std::string::npos) return;
        if (!word.starts_with(completion_.typed) || found_.size() >= kMost || !seen_.insert(word).second) return;
        found_.push_back({.word = completion_.lead + word, .help = help});
    }

    Json ask(const std::string& path) const {
        const auto socket = config::control_socket(config::load(completion_.config));
        if (!socket) return {};
        DaemonClient client{*socket};
        client.set_timeout(kPatience);
        return client.get(path);
    }

    platform::Catalog catalog() const {
        return platform::Catalog::load(config::platform_directories(config::file_in_use(completion_.config)));
    }

    /// The listing goes on behind an id, so one that is typed completely is looked for by itself.
    void users() {
        const auto& typed = completion_.typed;
        if (!typed.empty()) {
            try {
                ask(api_path({"users", typed}));
                add(typed, {});
            } catch (const Error&) {  // there is none of that name
            }
        }
        const auto data = ask(with_query(api_path({"users"}), {{"after", typed}, {"limit", std::to_string(kMost)}}));
        for (const auto& user : member(data, "users")) add(text_of(user, "id"), text_of(user, "tier"));
    }

    void platforms() {
        for (const auto& platform : catalog().all()) add(platform->name, platform->title);
    }

    Json connections() const {
        return ask(with_query(
            api_path({"connections"}),
            {{"user", completion_.user}, {"platform", completion_.platform}, {"limit", std::to_string(kMost)}}));
    }

    void connected_platforms() {
        try {
            const auto data = ask(
                with_query(api_path({"connections"}), {{"user", completion_.user}, {"limit", std::to_string(kMost)}}));
            for (const auto& connection : member(data, "connections")) add(text_of(connection, "platform"), {});
        } catch (const Error&) {  // then any is better than none
        }
        if (found_.empty()) platforms();
    }

    void accounts() {
        const auto data = connections();
        for (const auto& connection : member(data, "connections"))
            add(text_of(connection, "account_id"),
                completion_.user.empty() ? text_of(connection, "user_id") : text_of(connection, "platform"));
    }

    void duties() {
        const auto data = ask(api_path({"duties"}));
        for (const auto& duty : member(data, "duties")) add(text_of(duty, "name"), text_of(duty, "about"));
    }

    void metrics() {
        const auto all = catalog();
        for (const auto& platform : all.all()) {
            if (!completion_.platform.empty() && platform->name != completion_.platform) continue;
            for (const auto& metric : platform->metrics) add(metric.name, platform->title);
        }
    }

    const Completion& completion_;
    std::vector<Candidate> found_;
    std::set<std::string, std::less<>> seen_;
};

}  // namespace

std::string answer_completion(CommandTable table, const std::vector<std::string>& words) {
    auto completion = complete(table, words);
    if (completion.source == WordSource::files) return "files\n";
    try {
        for (auto& candidate : WordFinder{completion}.find()) completion.candidates.push_back(std::move(candidate));
    } catch (const std::exception&) {  // no daemon, or a configuration with an error: what the table knows is enough
    }
    std::string answer = "words\n";
    for (const auto& [word, help] : completion.candidates)
        answer += help.empty() ? word + "\n" : fmt::format("{}\t{}\n", word, help);
    return answer;
}

}  // namespace tally::cli
