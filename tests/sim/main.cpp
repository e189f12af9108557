// SPDX-License-Identifier: Apache-2.0
// tally-sim: the command line, the signals, the exit code.
#include "server.hpp"

#include <fmt/format.h>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/signal_set.hpp>

#include <sysexits.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace {

using namespace sim;

constexpr std::string_view kHelp =
    "usage: tally-sim [--listen HOST:PORT] [--port-file FILE] [--seed N] [--latency MS]\n"
    "                 [--clock-offset SECONDS]\n"
    "Answers like Instagram, Facebook, YouTube, Snapchat and Twitch, with made-up numbers of any account.\n"
    "\n"
    "  --listen HOST:PORT  numeric address to serve; port 0 takes a free one (127.0.0.1:8089)\n"
    "  --port-file FILE    where to write the port once it listens\n"
    "  --seed N            another world of numbers (1)\n"
    "  --latency MS        time every answer takes (0)\n"
    "  --clock-offset SECONDS  how far its clock is ahead of the real one; negative: behind (0)\n"
    "  --help              this text\n"
    "\n"
    "Tokens: sim.PLATFORM.ACCOUNT, simuser.facebook.PAGE, expired.PLATFORM.ACCOUNT, and those had by logging in:\n"
    "the platforms' OAuth routes are served too, for client id sim-app with secret sim-secret. Control: /_sim/.\n";

struct UsageError : std::runtime_error {
    using runtime_error::runtime_error;
};

struct Options {
    boost::asio::ip::tcp::endpoint listen{boost::asio::ip::make_address("127.0.0.1"), 8089};
    std::string port_file;
    std::uint64_t seed = 1;
    std::chrono::milliseconds latency{0};
    std::chrono::seconds clock_offset{0};
    bool help = false;
};

std::int64_t parse_number(std::string_view option, std::string_view text, std::int64_t highest,
                          std::int64_t lowest = 0) {
    const auto number = parse_integer(text);
    if (!number || *number < lowest || *number > highest)
        throw UsageError{fmt::format("{}: not a number from {} to {}: '{}'", option, lowest, highest, text)};
    return *number;
}

boost::asio::ip::tcp::endpoint parse_endpoint(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) throw UsageError{fmt::format("--listen: not HOST:PORT: '{}'", text)};
    auto host = text.substr(0, colon);
    if (host.size() > 1 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    boost::system::error_code error;
    const auto address = boost::asio::ip::make_address(std::string{host == "localhost" ? "127.0.0.1" : host}, error);
    if (error) throw UsageError{fmt::format("--listen: not an address: '{}'", host)};
    return {address, static_cast<std::uint16_t>(parse_number("--listen", text.substr(colon + 1), 65535))};
}

Options parse_options(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view option{argv[i]};
        if (option == "--help") {
            options.help = true;
            continue;
        }
        if (option != "--listen" && option != "--port-file" && option != "--seed" && option != "--latency" &&
            option != "--clock-offset")
            throw UsageError{fmt::format("unknown option '{}'", option)};
        if (++i == argc) throw UsageError{fmt::format("{} needs a value", option)};
        const std::string_view value{argv[i]};
        if (option == "--listen")
            options.listen = parse_endpoint(value);
        else if (option == "--port-file")
            options.port_file = value;
        else if (option == "--seed")
            options.seed = static_cast<std::uint64_t>(parse_number(option, value, INT64_MAX));
        else if (option == "--clock-offset")
            options.clock_offset = std::chrono::seconds{parse_number(option, value, kLargestOffset, -kLargestOffset)};
        else
            options.latency = std::chrono::milliseconds{parse_number(option, value, 600'000)};
    }
    return options;
}

/// Renamed into place, so that who waits for the file never reads half of it.
void write_port(const std::string& path, std::uint16_t port) {
    const auto draft = path + ".tmp";
    std::ofstream out{draft, std::ios::trunc};
    out << port << '\n';
    out.close();
    if (!out) throw std::runtime_error{fmt::format("cannot write '{}'", draft)};
    std::filesystem::rename(draft, path);
}

void run(const Options& options) {
    boost::asio::io_context loop{1};
    Simulator simulator{options.seed, options.clock_offset};
    Server server{loop, simulator, options.listen, options.latency,
                  [] { return date::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()); }};
    boost::asio::signal_set signals{loop, SIGINT, SIGTERM};
    signals.async_wait([&server](const boost::system::error_code& error, int) {
        if (!error) server.stop();
    });
    server.start();
    if (!options.port_file.empty()) write_port(options.port_file, server.port());
    fmt::print(stderr, "tally-sim: listening on {}:{}\n", options.listen.address().to_string(), server.port());
    loop.run();
    fmt::print(stderr, "tally-sim: stopped after {} requests\n", simulator.stats().requests);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const auto options = parse_options(argc, argv);
        if (options.help) {
            fmt::print("{}", kHelp);
            return EX_OK;
        }
        run(options);
        return EX_OK;
    } catch (const UsageError& error) {
        fmt::print(stderr, "tally-sim: {}\n  hint: See tally-sim --help.\n", error.what());
        return EX_USAGE;
    } catch (const std::exception& error) {
        fmt::print(stderr, "tally-sim: {}\n", error.what());
        return EXIT_FAILURE;
    }
}
