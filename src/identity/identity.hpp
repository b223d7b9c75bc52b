// Who is asking: API keys for programs, sessions for people. Every request passes here, so active keys and sessions
// are held in memory: by_key and by_session read no database and never wait. Keys come and go there as the change feed
// tells. Thread-safe.
#pragma once
#include "async/awaitable.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "events/feed.hpp"
#include "identity/key.hpp"
#include "identity/login_limiter.hpp"
#include "store/database.hpp"
#include "telemetry/log.hpp"
#include "telemetry/log_limit.hpp"
#include "values/principal.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::identity {

class Identity {
public:
    static constexpr std::chrono::minutes session_idle{30};
    static constexpr std::chrono::hours session_length{12};
    static constexpr std::chrono::seconds touch_interval{60}; // how often a last use is written
    static constexpr std::size_t max_sessions = 10'000;       // then the key with most of them loses its oldest
    static constexpr std::size_t max_sessions_of_key = 100;   // then its own oldest ends
    static constexpr std::size_t max_failed_logins = 20;      // a minute
    static constexpr std::size_t max_logins_of_key = 120;     // a minute, from one address

    // `feed` is that of `database`. Borrows all for its lifetime.
    Identity(store::Database& database, events::Feed& feed, const Clock& clock, telemetry::Log& log);
    ~Identity();
    Identity(const Identity&) = delete;
    Identity& operator=(const Identity&) = delete;

    // Fills the memory from the store, before the first request. load_blocking() is for the composition root.
    awaitable<Result<void>> load();
    Result<void> load_blocking();

    bool has_keys() const; // any active one; false on a first start

    // unauthenticated unless `text` is an active key, or `token` an active session of one.
    Result<values::Principal> by_key(std::string_view text);
    Result<values::Principal> by_session(std::string_view token);

    // unprocessable for a name or expiry that cannot be. The key works as soon as this returns.
    awaitable<Result<CreatedKey>> create_key(values::Principal who, NewKey wanted);
    awaitable<Result<std::vector<Key>>> list_keys(values::Principal who); // newest first, revoked ones too
    // Ends the key and its sessions at once; revoking again is no error. not_found in another organisation.
    awaitable<Result<void>> revoke_key(values::Principal who, KeyId id);

    // Opens a session. `remote` is the address of the caller, `previous` the token of a session that this one
    // replaces (or empty). unauthenticated for a wrong key. rate_limited after 20 of those in a minute: a wrong key for
    // its address, a right one only when they named its id. So nobody locks others out of an address they share, and a
    // key has its share of the sessions: its oldest one ends for a new one, never that of another key.
    awaitable<Result<SignedIn>> login(std::string key, std::string remote, std::string previous);
    awaitable<Result<void>> logout(std::string token); // nothing happens when there is no such session

private:
    struct Memory;
    struct ActiveKey;
    struct ActiveSession;
    struct Loaded {
        std::vector<StoredKey> keys;
        std::vector<StoredSession> sessions;
    };

    void remember(Loaded loaded);
    void touch(ActiveKey& key, Timestamp now);
    void touch(ActiveSession& session, Timestamp now);
    void forget_key(KeyId id);
    std::optional<Error> too_often(LoginLimiter& limiter, const std::string& name) const;
    std::vector<StoredSession> make_room(KeyId key, Timestamp now);
    std::shared_ptr<ActiveKey> find(std::string_view key_text, Timestamp now);

    store::Database& database_;
    const Clock& clock_;
    telemetry::Log& log_;
    LoginLimiter failures_{max_failed_logins}, successes_{max_logins_of_key};
    telemetry::LogLimit failures_logged_{10};
    std::unique_ptr<Memory> memory_;
};

} // namespace millrace::identity
