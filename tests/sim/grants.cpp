// SPDX-License-Identifier: Apache-2.0
// What people allowed which application: applications, consents, codes, and the tokens minted for them.
#include "grants.hpp"

#include "hash.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sim {
namespace {

constexpr std::chrono::hours kRefreshAge{24};

/// Tokens look as their platform's do, so that nobody comes to depend on one form.
std::string_view prefix_of(const Grant& grant) {
    switch (grant.platform) {
        case Platform::youtube:
            return "ya29.";
        case Platform::instagram:
            return grant.login == "instagram_login" ? "IGAA" : "EAAG";
        case Platform::facebook:
            return "EAAG";
        default:
            return "";
    }
}

template <class Map, class Key>
auto find_in(Map& map, const Key& key) {
    const auto found = map.find(key);
    return found == map.end() ? nullptr : &found->second;
}

}  // namespace

const std::string* Grants::secret_of(std::string_view client_id) const {
    return find_in(apps_, client_id);
}

Grant& Grants::open(Platform platform, std::string account, std::string app, Scopes scopes, std::string login) {
    Grant grant;
    grant.id = ++serial_;
    grant.platform = platform;
    grant.account = std::move(account);
    grant.app = std::move(app);
    grant.login = std::move(login);
    grant.scopes = std::move(scopes);
    return grants_[grant.id] = std::move(grant);
}

bool Grants::has_grant(Platform platform, std::string_view account, std::string_view app) const {
    return std::any_of(grants_.begin(), grants_.end(), [&](const auto& entry) {
        const auto& grant = entry.second;
        return !grant.revoked && grant.platform == platform && grant.account == account && grant.app == app;
    });
}

std::string Grants::mint(const Grant& grant, std::optional<std::chrono::seconds> life, bool long_lived,
                         TokenKind kind) {
    AccessToken token;
    token.grant = grant.id;
    token.kind = kind;
    token.issued = now_;
    token.long_lived = long_lived;
    if (life) token.expires = now_ + *life;
    const bool graph = grant.platform == Platform::facebook || grant.platform == Platform::instagram;
    if (graph && kind == TokenKind::user && grant.login != "instagram_login")
        token.page = mint(grant, long_lived ? std::nullopt : life, long_lived, TokenKind::page);
    auto text = opaque(prefix_of(grant));
    tokens_[text] = std::move(token);
    return text;
}

std::string Grants::mint_refresh(Grant& grant) {
    // Google's have a slash, which has to be percent-encoded.
    grant.refresh_token = opaque(grant.platform == Platform::youtube ? "1//0" : "");
    refresh_[grant.refresh_token] = RefreshToken{grant.id};
    return grant.refresh_token;
}

const AccessToken* Grants::find(std::string_view token) const {
    return find_in(tokens_, token);
}

Grant* Grants::find_refresh(std::string_view token) {
    const auto* found = find_in(refresh_, token);
    if (found == nullptr) return nullptr;
    if (found->spent) {
        ++reused_;
        return nullptr;
    }
    auto& owner = grant(found->grant);
    const bool dead = owner.revoked || (owner.refresh_dies && *owner.refresh_dies <= now_);
    return dead ? nullptr : &owner;
}

const Grant* Grants::owner_of_refresh(std::string_view token) const {
    const auto* found = find_in(refresh_, token);
    return found == nullptr ? nullptr : &grant(found->grant);
}

bool Grants::rotate(Grant& grant, bool public_client) {
    ++use_of(grant.platform, grant.account).refreshes;
    const auto mode = public_client ? Rotation::single_use : rotation(grant.platform);
    if (mode == Rotation::none) return false;
    if (mode == Rotation::single_use) refresh_.at(grant.refresh_token).spent = true;
    mint_refresh(grant);
    return true;
}

std::string Grants::add_code(Code code) {
    auto text = opaque("");
    codes_[text] = std::move(code);
    return text;
}

Code* Grants::find_code(std::string_view code) {
    return find_in(codes_, code);
}

std::string Grants::add_device(Device device) {
    auto text = opaque("");
    constexpr std::string_view kAlphabet = "BCDFGHJKLMNPQRSTVWXZ";
    auto bits = mix(hash_text(text), hash_text("user code"));
    for (int i = 0; i < 8; ++i, bits /= kAlphabet.size()) device.user_code += kAlphabet[bits % kAlphabet.size()];
    devices_[text] = std::move(device);
    return text;
}

Device* Grants::find_device(std::string_view device_code) {
    return find_in(devices_, device_code);
}

Device* Grants::find_user_code(std::string_view user_code) {
    for (auto& [code, device] : devices_)
        if (device.user_code == user_code) return &device;
    return nullptr;
}

void Grants::set_person(Platform platform, Person person) {
    person.since = ++serial_;
    persons_[platform] = std::move(person);
}

const Person* Grants::person(Platform platform) const {
    return find_in(persons_, platform);
}

Rotation Grants::rotation(Platform platform) const {
    const auto found = rotation_.find(platform);
    if (found != rotation_.end()) return found->second;
    return platform == Platform::twitch ? Rotation::single_use : Rotation::none;
}

std::size_t Grants::alive_tokens(std::uint64_t grant) const {
    return static_cast<std::size_t>(std::count_if(tokens_.begin(), tokens_.end(), [&](const auto& entry) {
        return entry.second.grant == grant && alive(entry.second);
    }));
}

bool Grants::refreshable(const Grant& grant) const {
    return !grant.revoked && !grant.refresh_token.empty() && (!grant.refresh_dies || *grant.refresh_dies > now_);
}

void Grants::expire(Platform platform, std::string_view account) {
    for (auto& [text, token] : tokens_) {
        const auto& owner = grant(token.grant);
        if (owner.platform == platform && owner.account == account && !expired(token)) token.expires = now_;
    }
}

void Grants::revoke(Platform platform, std::string_view account) {
    for (auto& [id, grant] : grants_)
        if (grant.platform == platform && grant.account == account) grant.revoked = true;
}

void Grants::reset() {
    apps_.clear();
    add_app("sim-app", "sim-secret");
    grants_.clear();
    tokens_.clear();
    refresh_.clear();
    codes_.clear();
    devices_.clear();
    persons_.clear();
    rotation_.clear();
    uses_.clear();
    refresh_age_ = kRefreshAge;
    reused_ = 0;
}

std::string Grants::opaque(std::string_view prefix) {
    const auto key = mix(seed_, ++serial_);
    return fmt::format("{}{:016x}{:016x}", prefix, mix(key, hash_text("token")), mix(key, hash_text("text")));
}

Scopes split_scopes(std::string_view list) {
    Scopes scopes;
    while (!list.empty()) {
        const auto end = list.find_first_of(" ,");
        if (end != 0) scopes.emplace_back(list.substr(0, end));
        if (end == std::string_view::npos) break;
        list.remove_prefix(end + 1);
    }
    return scopes;
}

std::string join_scopes(const Scopes& scopes, std::string_view separator) {
    return fmt::format("{}", fmt::join(scopes, separator));
}

bool contains(const Scopes& scopes, std::string_view scope) {
    return std::find(scopes.begin(), scopes.end(), scope) != scopes.end();
}

}  // namespace sim
