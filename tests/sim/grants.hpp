// SPDX-License-Identifier: Apache-2.0
// What people allowed which application: applications, consents, codes, and the tokens minted for them.
#pragma once

#include "calendar.hpp"
#include "world.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sim {

using Scopes = std::vector<std::string>;

enum class Rotation : std::uint8_t {
    none,        ///< a refresh token stays as it is
    always,      ///< each refresh gives a new one, the old ones stay good
    single_use,  ///< each refresh gives a new one and ends the old one
};

/// One consent of a person for one account.
struct Grant {
    std::uint64_t id = 0;
    Platform platform{};
    std::string account;  ///< empty: an application for itself
    std::string app;
    std::string login;  ///< facebook_login, instagram_login, page; empty where there is one way only
    Scopes scopes;
    std::string refresh_token;  ///< the newest; empty: none
    std::optional<Instant> refresh_dies;
    bool revoked = false;
};

enum class TokenKind : std::uint8_t { user, page, app };

struct AccessToken {
    std::uint64_t grant = 0;
    TokenKind kind = TokenKind::user;
    Instant issued{};
    std::optional<Instant> expires;  ///< nothing: never
    bool long_lived = false;         ///< Facebook and Instagram: the second step was made
    std::string page;                ///< Facebook user tokens: the page token that belongs to it
};

struct Code {
    Platform platform{};
    std::string account;
    std::string app;
    std::string redirect_uri;
    std::string login;
    Scopes scopes;
    std::string challenge;  ///< PKCE; empty: none was sent
    bool hashed = false;    ///< the challenge is S256
    bool refreshable = true;
    Instant expires{};
    bool used = false;
};

struct Device {
    std::string app;
    std::string user_code;
    Scopes scopes;
    std::string account;  ///< empty: not approved yet
    Instant expires{};
    std::optional<Instant> polled;
    bool used = false;
};

/// The person at the browser: what an authorize page does.
struct Person {
    std::string account;
    std::optional<Scopes> ticked;  ///< nothing: whatever is asked
    std::uint64_t since = 0;       ///< the later one sits there now
};

/// What was done with the tokens of an account.
struct TokenUse {
    std::uint64_t refreshes = 0;
    std::uint64_t validations = 0;
    std::optional<Instant> last_validation;
};

class Grants {
public:
    explicit Grants(std::uint64_t seed) : seed_{seed} { reset(); }

    /// The moment of the request that is about to be answered; expiry is judged by it.
    void arrive(Instant now) { now_ = now; }
    Instant now() const { return now_; }

    /// An empty secret makes it a public client.
    void add_app(std::string client_id, std::string secret) { apps_[std::move(client_id)] = std::move(secret); }
    /// Null if the application is unknown.
    const std::string* secret_of(std::string_view client_id) const;

    /// A consent without tokens. References to grants stay good until reset.
    Grant& open(Platform platform, std::string account, std::string app, Scopes scopes, std::string login = {});
    Grant& grant(std::uint64_t id) { return grants_.at(id); }
    const Grant& grant(std::uint64_t id) const { return grants_.at(id); }
    bool has_grant(Platform platform, std::string_view account, std::string_view app) const;
    /// The text of a new access token. A Facebook user token brings its page token, which lives as long if the user
    /// token is short-lived, and else for ever.
    std::string mint(const Grant& grant, std::optional<std::chrono::seconds> life, bool long_lived = false,
                     TokenKind kind = TokenKind::user);
    std::string mint_refresh(Grant& grant);

    /// Null if nobody minted it. Dead ones are found too.
    const AccessToken* find(std::string_view token) const;
    bool expired(const AccessToken& token) const { return token.expires && *token.expires <= now_; }
    bool alive(const AccessToken& token) const { return !expired(token) && !grant(token.grant).revoked; }

    /// The grant, if the refresh token is good; a spent one is counted.
    Grant* find_refresh(std::string_view token);
    /// Whose refresh token it is, dead or alive; null if nobody's.
    const Grant* owner_of_refresh(std::string_view token) const;
    /// Counts the refresh and rotates as commanded; true if the refresh token is another one now.
    bool rotate(Grant& grant, bool public_client = false);
    std::uint64_t reused_refresh_tokens() const { return reused_; }

    std::string add_code(Code code);
    Code* find_code(std::string_view code);
    /// The device code.
    std::string add_device(Device device);
    Device* find_device(std::string_view device_code);
    Device* find_user_code(std::string_view user_code);

    void set_person(Platform platform, Person person);
    /// Null if nobody of that platform sits at the browser.
    const Person* person(Platform platform) const;

    void set_rotation(Platform platform, Rotation rotation) { rotation_[platform] = rotation; }
    Rotation rotation(Platform platform) const;
    void set_refresh_age(std::chrono::seconds age) { refresh_age_ = age; }
    std::chrono::seconds refresh_age() const { return refresh_age_; }

    TokenUse& use_of(Platform platform, const std::string& account) { return uses_[{platform, account}]; }
    const std::map<std::pair<Platform, std::string>, TokenUse>& uses() const { return uses_; }
    const std::map<std::uint64_t, Grant>& grants() const { return grants_; }
    std::size_t alive_tokens(std::uint64_t grant) const;
    bool refreshable(const Grant& grant) const;

    /// All access tokens of the account die now; refreshing still works.
    void expire(Platform platform, std::string_view account);
    void revoke(Platform platform, std::string_view account);
    /// As at the start: only the application sim-app is known.
    void reset();

private:
    struct RefreshToken {
        std::uint64_t grant = 0;
        bool spent = false;
    };

    std::string opaque(std::string_view prefix);

    std::uint64_t seed_;
    std::uint64_t serial_ = 0;
    Instant now_{};
    std::map<std::string, std::string, std::less<>> apps_;
    std::map<std::uint64_t, Grant> grants_;
    std::map<std::string, AccessToken, std::less<>> tokens_;
    std::map<std::string, RefreshToken, std::less<>> refresh_;
    std::map<std::string, Code, std::less<>> codes_;
    std::map<std::string, Device, std::less<>> devices_;
    std::map<Platform, Person> persons_;
    std::map<Platform, Rotation> rotation_;
    std::map<std::pair<Platform, std::string>, TokenUse> uses_;
    std::chrono::seconds refresh_age_{};
    std::uint64_t reused_ = 0;
};

/// Parts of a list of scopes; blanks and commas separate.
Scopes split_scopes(std::string_view list);
std::string join_scopes(const Scopes& scopes, std::string_view separator = " ");
bool contains(const Scopes& scopes, std::string_view scope);

}  // namespace sim
