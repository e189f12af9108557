// SPDX-License-Identifier: Apache-2.0
// Looks ahead: which metrics and API versions end soon, whom that concerns, and what a person should be told when.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/postgres/pool.hpp"
#include "daemon/net/async.hpp"
#include "daemon/platform/platform.hpp"

namespace tally::collect {

/// Something that ends, or is refused already.
struct Ending {
    enum class What { metric, request, version };
    std::string platform;
    What what = What::metric;
    std::string name;
    std::optional<Day> since;  ///< refused since then
    std::optional<Day> until;  ///< first date on which it is not there any more; nullopt: no such date is known
    std::optional<int> days_left;
    std::int64_t connections = 0;  ///< which are concerned
    std::string replaced_by;       ///< empty when not known
};

/// What the database knows of the matter.
struct RadarFacts {
    struct Refused {
        std::string platform, request, metric;  ///< metric empty: the whole request
        bool everywhere = false;                ///< refused for every connection
        std::int64_t connections = 0;           ///< else: for so many
        Day since;
    };
    std::map<std::string, std::int64_t> connections;  ///< by platform
    std::vector<Refused> refused;
};
RadarFacts read_radar_facts(postgres::Transaction& transaction);

using Platforms = std::vector<std::shared_ptr<const platform::Platform>>;

/// What has been refused and what will end, however far away, of all that is asked for; what is refused first, then the
/// nearest end. What not every account has is refused to some without being news. Pure.
std::vector<Ending> ending(const Platforms& platforms, Day today, const RadarFacts& facts);

struct RadarAlert {
    std::string kind, subject, message;
};
/// One alert for each end within 60 days, and another one in its place within 14 days, where it concerns anybody. Pure.
std::vector<RadarAlert> radar_alerts(const std::vector<Ending>& endings);

/// Use from the executor's thread only. All nodes look; the alerts are one for all of them.
class Radar {
public:
    Radar(const boost::asio::any_io_executor& executor, boost::asio::thread_pool& threads, postgres::Pool& pool,
          std::function<Platforms()> platforms)
        : threads_(threads), pool_(pool), platforms_(std::move(platforms)), wake_(executor) {}

    /// Raises what is near, ends what is over or not said any more. @throws Error
    boost::asio::awaitable<void> run_once(Day today);
    /// Looks at once and then daily, until cancelled.
    boost::asio::awaitable<void> watch();
    void wake() { wake_.notify(); }  ///< the platform files may have changed

private:
    boost::asio::thread_pool& threads_;
    postgres::Pool& pool_;
    std::function<Platforms()> platforms_;
    net::Event wake_;
};

}  // namespace tally::collect
