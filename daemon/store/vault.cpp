// SPDX-License-Identifier: Apache-2.0
// The vault over libsodium.
#include "daemon/store/vault.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "common/error.hpp"

namespace tally::store {

namespace {

constexpr std::size_t kKey = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
constexpr std::size_t kNonce = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTag = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr unsigned char kVersion = 1;  // first byte of everything sealed

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

/// Every part with its length before it: "ab"+"c" and "a"+"bc" are different owners.
std::string bind(std::string_view purpose, std::initializer_list<std::string_view> parts) {
    std::string bound{purpose};
    for (const auto part : parts) bound += fmt::format("|{}:{}", part.size(), part);
    return bound;
}

/// version, nonce, ciphertext with tag
Bytes encrypt(const Secret& key, const std::string& bound, const Secret& plain) {
    const auto& text = plain.reveal();
    Bytes sealed(1 + kNonce + text.size() + kTag);
    sealed[0] = kVersion;
    randombytes_buf(sealed.data() + 1, kNonce);
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed.data() + 1 + kNonce, nullptr, bytes_of(text), text.size(),
                                               bytes_of(bound), bound.size(), nullptr, sealed.data() + 1,
                                               bytes_of(key.reveal()));
    return sealed;
}

Secret decrypt(const Secret& key, const std::string& bound, const Bytes& sealed) {
    if (sealed.size() < 1 + kNonce + kTag || sealed[0] != kVersion)
        throw Error(Fault::config, "a sealed token has an unknown form",
                    "It may have been sealed by a newer release of tally.");
    std::string plain(sealed.size() - 1 - kNonce - kTag, '\0');
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            reinterpret_cast<unsigned char*>(plain.data()), nullptr, nullptr, sealed.data() + 1 + kNonce,
            sealed.size() - 1 - kNonce, bytes_of(bound), bound.size(), sealed.data() + 1, bytes_of(key.reveal())) != 0)
        throw Error(Fault::config, "a sealed token does not open: the vault key is another one, or the row was changed",
                    "Start tallyd with the vault key that it had when the token was added, or add the token again.");
    return Secret{std::move(plain)};
}

std::string key_bound(std::string_view user_id) {
    return bind("tally user key", {user_id});
}

std::string read_file(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) return {};
    struct stat info {};
    std::array<char, 256> buffer{};
    const bool known = ::fstat(file, &info) == 0;
    const auto size = ::read(file, buffer.data(), buffer.size());
    ::close(file);
    if (known && (info.st_mode & 077U) != 0)
        throw Error(Fault::config, fmt::format("the vault key file '{}' is open to others", path),
                    fmt::format("Run chmod 600 {}.", path));
    return {buffer.data(), size > 0 ? static_cast<std::size_t>(size) : 0U};
}

}  // namespace

Vault::Vault(Secret master) : master_(std::move(master)) {
    if (master_.reveal().size() != kKey) throw Error(Fault::config, "the vault key is not 32 bytes");
}

Secret Vault::parse_key(const Secret& text) {
    const auto& given = text.reveal();
    std::string key(kKey, '\0');
    std::size_t size = 0;
    const char* end = nullptr;
    auto* out = reinterpret_cast<unsigned char*>(key.data());
    const auto whole = [&](int result) { return result == 0 && size == kKey && end == given.data() + given.size(); };
    if (whole(sodium_hex2bin(out, kKey, given.data(), given.size(), nullptr, &size, &end)))
        return Secret{std::move(key)};
    for (const int variant : {sodium_base64_VARIANT_ORIGINAL, sodium_base64_VARIANT_ORIGINAL_NO_PADDING}) {
        if (whole(sodium_base642bin(out, kKey, given.data(), given.size(), nullptr, &size, &end, variant)))
            return Secret{std::move(key)};
    }
    throw Error(Fault::config, "the vault key is neither 64 hexadecimal digits nor the base64 of 32 bytes",
                "Make one with: openssl rand -hex 32");
}

Secret Vault::load_or_create_key(const std::string& path) {
    if (::access(path.c_str(), F_OK) != 0) {
        std::array<unsigned char, kKey> key{};
        randombytes_buf(key.data(), key.size());
        std::array<char, kKey * 2 + 1> hex{};
        sodium_bin2hex(hex.data(), hex.size(), key.data(), key.size());
        hex.back() = '\n';
        sodium_memzero(key.data(), key.size());
        // Written whole beside and then linked: a crash leaves no half key, and a second starter keeps the first one's.
        const auto fresh = fmt::format("{}.{}", path, ::getpid());
        const int file = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        const bool written = file >= 0 && ::write(file, hex.data(), hex.size()) == static_cast<ssize_t>(hex.size()) &&
                             ::fsync(file) == 0;
        const int problem = errno;
        if (file >= 0) ::close(file);
        sodium_memzero(hex.data(), hex.size());
        const bool linked = written && (::link(fresh.c_str(), path.c_str()) == 0 || errno == EEXIST);
        ::unlink(fresh.c_str());
        if (!linked)
            throw Error(Fault::config,
                        fmt::format("cannot write the vault key file '{}': {}", path, std::strerror(problem)));
    }
    auto text = read_file(path);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    try {
        return parse_key(Secret{std::move(text)});
    } catch (const Error& error) {
        throw Error(Fault::config, fmt::format("the vault key file '{}' holds no key", path),
                    "Restore it from a backup: without it the sealed tokens cannot be opened.");
    }
}

Bytes Vault::make_user_key(std::string_view user_id) const {
    std::string key(kKey, '\0');
    randombytes_buf(key.data(), key.size());
    return encrypt(master_, key_bound(user_id), Secret{std::move(key)});
}

Secret Vault::open_user_key(const Bytes& sealed_user_key, std::string_view user_id) const {
    return decrypt(master_, key_bound(user_id), sealed_user_key);
}

Bytes Vault::seal(const Bytes& sealed_user_key, const Owner& owner, const Secret& plain) const {
    return encrypt(open_user_key(sealed_user_key, owner.user_id),
                   bind("tally credential", {owner.user_id, owner.platform, owner.account_id}), plain);
}

Secret Vault::open(const Bytes& sealed_user_key, const Owner& owner, const Bytes& sealed) const {
    return decrypt(open_user_key(sealed_user_key, owner.user_id),
                   bind("tally credential", {owner.user_id, owner.platform, owner.account_id}), sealed);
}

bool Vault::opens(const Bytes& sealed_user_key, std::string_view user_id) const {
    try {
        open_user_key(sealed_user_key, user_id);
        return true;
    } catch (const Error&) {
        return false;
    }
}

}  // namespace tally::store
