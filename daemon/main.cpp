// SPDX-License-Identifier: Apache-2.0
// tallyd: reads options and configuration, builds the daemon, runs it, maps errors to exit codes.
#include <fmt/format.h>
#include <sodium.h>

#include <boost/program_options.hpp>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string>

#include "common/config/config.hpp"
#include "common/error.hpp"
#include "common/version.hpp"
#include "daemon/daemon.hpp"
#include "daemon/service/log.hpp"

namespace {

namespace options = boost::program_options;

constexpr const char* kHelp = R"(usage: tallyd [--config FILE]

Collects the account-level numbers of social platforms on schedule into PostgreSQL.
Without --config it reads $TALLY_CONFIG, else /etc/tally/tallyd.yaml, else uses its defaults: a private
PostgreSQL under the state directory and a control socket for tallyctl.

  --config FILE   configuration file, see tallyd.yaml(5)
  --version       print the version
  --help          print this text

SIGTERM and SIGINT finish what is under way and stop; a second one stops at once. SIGHUP reloads the configuration.
)";

struct Arguments {
    std::optional<std::string> config;
    bool help = false, version = false;
};

Arguments parse_arguments(int argc, char** argv) {
    using style = options::command_line_style::style_t;
    options::options_description known;
    known.add_options()("config", options::value<std::string>())("help,h", "")("version", "");
    options::variables_map values;
    try {
        // No guessing: a shortened option would change its meaning when another one is added.
        options::store(options::command_line_parser(argc, argv)
                           .options(known)
                           .positional({})
                           .style(style::unix_style & ~style::allow_guessing)
                           .run(),
                       values);
    } catch (const options::error& error) {
        throw tally::Error(tally::Fault::usage, error.what(), "See tallyd --help.");
    }
    Arguments arguments;
    if (values.count("config") > 0) arguments.config = values["config"].as<std::string>();
    arguments.help = values.count("help") > 0;
    arguments.version = values.count("version") > 0;
    return arguments;
}

int run(int argc, char** argv) {
    const auto arguments = parse_arguments(argc, argv);
    if (arguments.help) {
        fmt::print("{}", kHelp);
        return tally::kExitDone;
    }
    if (arguments.version) {
        fmt::print("tallyd {}\n", tally::version());
        return tally::kExitDone;
    }
    if (sodium_init() < 0) throw tally::Error(tally::Fault::internal, "libsodium does not start");
    std::signal(SIGPIPE, SIG_IGN);
    tally::Daemon daemon{arguments.config};
    daemon.run();
    return tally::kExitDone;
}

/// To people with the hint on a line of its own, to the journal as one entry.
void complain(const std::exception& error) {
    const auto format = tally::service::Log::detect_format();
    if (format == tally::service::LogFormat::text)
        fmt::print(stderr, "tallyd: {}\n", tally::describe(error));
    else
        tally::service::Log{tally::service::Level::error, format}.error(tally::describe(error));
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        complain(error);
        return tally::exit_code(tally::fault_of(error));
    }
}
