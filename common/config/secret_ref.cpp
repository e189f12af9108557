// SPDX-License-Identifier: Apache-2.0
// Reads secrets from systemd credentials, files and the environment.
#include "common/config/secret_ref.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <optional>
#include <regex>

#include "common/error.hpp"

namespace tally::config {

namespace {

constexpr std::size_t kMaxSecret = 64U << 10U;
constexpr std::string_view kCredential = "credential:", kFile = "file:", kEnv = "env:";

[[noreturn]] void fail(const SecretRef& ref, std::string_view what, std::string hint) {
    throw Error(Fault::config, fmt::format("{}: '{}' {}", ref.option, ref.text, what), std::move(hint));
}

std::string read_file(const SecretRef& ref, const std::string& path) {
    std::ifstream stream{path, std::ios::binary};
    std::string text(kMaxSecret + 1, '\0');
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (!stream.is_open() || stream.bad())
        fail(ref, "cannot be read", "Check that the file exists and who may read it.");
    if (stream.gcount() > static_cast<std::streamsize>(kMaxSecret)) fail(ref, "is larger than 64 KiB", "");
    text.resize(static_cast<std::size_t>(stream.gcount()));
    return text;
}

std::string read_credential(const SecretRef& ref, const std::string& name) {
    const char* directory = std::getenv("CREDENTIALS_DIRECTORY");
    if (name.empty() || name.find('/') != std::string::npos || name.starts_with('.')) fail(ref, "is not a name", "");
    if (directory == nullptr)
        fail(ref, "cannot be read outside the service",
             "systemd gives credentials to the unit only: LoadCredential= or LoadCredentialEncrypted=.");
    return read_file(ref, fmt::format("{}/{}", directory, name));
}

std::string read_text(const SecretRef& ref) {
    const auto& text = ref.text;
    if (text.starts_with(kCredential)) return read_credential(ref, text.substr(kCredential.size()));
    if (text.starts_with(kFile)) return read_file(ref, text.substr(kFile.size()));
    const char* value = std::getenv(text.substr(kEnv.size()).c_str());
    if (value == nullptr) fail(ref, "is not set", "Set the variable in the environment of tallyd.");
    return value;
}

}  // namespace

bool is_reference(std::string_view text) noexcept {
    return text.starts_with(kCredential) || text.starts_with(kFile) || text.starts_with(kEnv);
}

Secret resolve(const SecretRef& ref) {
    if (!is_reference(ref.text)) return Secret{ref.text};
    auto text = read_text(ref);
    if (text.ends_with('\n')) text.pop_back();
    if (text.ends_with('\r')) text.pop_back();
    if (text.empty()) fail(ref, "is empty", "");
    return Secret{std::move(text)};
}

std::string without_password(std::string_view url) {
    // user:password@ in a URL (up to the last @ of the authority), and password=… in a query or a conninfo text.
    static const std::regex authority{R"(^(\w+://[^/?#:@]*:)[^/?#]*@)"};
    static const std::regex keyword{R"re((password\s*=\s*)('(\\.|[^'\\])*'?|(\\.|[^\s&\\])*))re", std::regex::icase};
    const auto masked = std::regex_replace(std::string{url}, authority, "$1***@");
    return std::regex_replace(masked, keyword, "$1***");
}

}  // namespace tally::config
