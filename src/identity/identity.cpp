#include "identity/identity.hpp"

#include "base/network.hpp"
#include "identity/identity_repository.hpp"
#include "identity/key_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <shared_mutex>
#include <unordered_map>

namespace millrace::identity {
namespace {

using store::Session;
using store::TenantSession;

// A digest is random already: eight of its bytes are the hash.
struct DigestHash {
    std::size_t operator()(const Sha256& digest) const noexcept {
        std::size_t value;
        std::memcpy(&value, digest.data(), sizeof value);
        return value;
    }
};

Error unknown_key() {
    return {Code::unauthenticated, "the key is not known here, or has expired or been revoked"};
}

Result<void> check(const NewKey& wanted, Timestamp now) {
    const bool clean = std::none_of(wanted.name.begin(), wanted.name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
    if (wanted.name.empty() || wanted.name.size() > 100 || !clean)
        return Error{Code::unprocessable, "\"name\" must have 1 to 100 bytes and no control characters"};
    if (wanted.expires_at && *wanted.expires_at <= now) return Error{Code::unprocessable, "\"expires_at\" has passed already"};
    if (wanted.weight < 1 || wanted.weight > 100) return Error{Code::unprocessable, "\"weight\" must be from 1 to 100"};
    return success();
}

// True for one caller in each interval, whose task it is to write the time down.
bool due(std::atomic<std::int64_t>& written, Timestamp now) {
    constexpr std::int64_t interval = std::chrono::microseconds{Identity::touch_interval}.count();
    std::int64_t last = written.load(std::memory_order_relaxed);
    return now.micros - last >= interval && written.compare_exchange_strong(last, now.micros, std::memory_order_relaxed);
}

} // namespace

struct Identity::ActiveKey {
    explicit ActiveKey(StoredKey from) : stored{std::move(from)} {
        used = written = stored.key.last_used_at ? stored.key.last_used_at->micros : 0;
    }
    bool active(Timestamp now) const { return !stored.key.expires_at || now < *stored.key.expires_at; }
    values::Principal principal() const {
        return {stored.key.organization, stored.key.id, stored.key.name, stored.key.role, stored.key.weight, stored.organization_weight};
    }

    const StoredKey stored;
    std::atomic<std::int64_t> used{0}, written{0}; // microseconds
};

struct Identity::ActiveSession {
    explicit ActiveSession(StoredSession from) : stored{std::move(from)} { used = written = stored.last_used_at.micros; }
    bool active(Timestamp now) const {
        return now < stored.expires_at && now < Timestamp{used.load(std::memory_order_relaxed)} + session_idle;
    }

    const StoredSession stored;
    std::atomic<std::int64_t> used{0}, written{0};
};

// Entries are shared, so that a request keeps its entry while another revokes it.
struct Identity::Memory {
    mutable std::shared_mutex mutex;
    std::unordered_map<KeyId, std::shared_ptr<ActiveKey>> keys;
    std::unordered_map<Sha256, std::shared_ptr<ActiveSession>, DigestHash> sessions;
};

Identity::Identity(store::Database& database, const Clock& clock, telemetry::Log& log)
    : database_{database}, clock_{clock}, log_{log}, memory_{std::make_unique<Memory>()} {}

Identity::~Identity() = default;

awaitable<Result<void>> Identity::load() {
    const Timestamp now = clock_.now();
    auto loaded = co_await database_.read(
        [now](Session& session) -> Result<Loaded> { return Loaded{active_keys(session, now), active_sessions(session, now)}; });
    if (!loaded) co_return loaded.error();
    remember(std::move(*loaded));
    co_return success();
}

Result<void> Identity::load_blocking() {
    const Timestamp now = clock_.now();
    auto loaded = database_.read_blocking(
        [now](Session& session) -> Result<Loaded> { return Loaded{active_keys(session, now), active_sessions(session, now)}; });
    if (!loaded) return loaded.error();
    remember(std::move(*loaded));
    return success();
}

void Identity::remember(Loaded loaded) {
    log_.info("keys loaded", {{"keys", loaded.keys.size()}, {"sessions", loaded.sessions.size()}});
    std::unique_lock lock{memory_->mutex};
    for (auto& key : loaded.keys) {
        const KeyId id = key.key.id;
        memory_->keys.insert_or_assign(id, std::make_shared<ActiveKey>(std::move(key)));
    }
    // The newest of each key: an older version kept more, and they are forgotten when they have ended.
    std::sort(loaded.sessions.begin(), loaded.sessions.end(), [](const auto& a, const auto& b) { return a.created_at > b.created_at; });
    std::unordered_map<KeyId, std::size_t> counts;
    for (auto& session : loaded.sessions) {
        if (memory_->sessions.size() >= max_sessions || counts[session.key]++ >= max_sessions_of_key) continue;
        const Sha256 token = session.token_sha256;
        memory_->sessions.insert_or_assign(token, std::make_shared<ActiveSession>(std::move(session)));
    }
}

bool Identity::has_keys() const {
    std::shared_lock lock{memory_->mutex};
    return !memory_->keys.empty();
}

std::shared_ptr<Identity::ActiveKey> Identity::find(std::string_view text, Timestamp now) {
    const auto parsed = parse_key(text);
    if (!parsed) return nullptr;
    std::shared_ptr<ActiveKey> key;
    {
        std::shared_lock lock{memory_->mutex};
        const auto at = memory_->keys.find(parsed->id);
        if (at == memory_->keys.end()) return nullptr;
        key = at->second;
    }
    if (!same_digest(sha256(parsed->secret), key->stored.secret_sha256) || !key->active(now)) return nullptr;
    return key;
}

Result<values::Principal> Identity::by_key(std::string_view text) {
    const Timestamp now = clock_.now();
    const auto key = find(text, now);
    if (!key) return unknown_key();
    touch(*key, now);
    return key->principal();
}

Result<values::Principal> Identity::by_session(std::string_view token) {
    const Timestamp now = clock_.now();
    std::shared_ptr<ActiveSession> session;
    std::shared_ptr<ActiveKey> key;
    {
        const Sha256 digest = sha256(token);
        std::shared_lock lock{memory_->mutex};
        const auto at = memory_->sessions.find(digest);
        if (at != memory_->sessions.end()) {
            session = at->second;
            // A session is never more than its key: a revoked one is no longer in the map.
            const auto owner = memory_->keys.find(session->stored.key);
            if (owner != memory_->keys.end()) key = owner->second;
        }
    }
    if (!session || !key || !session->active(now) || !key->active(now))
        return Error{Code::unauthenticated, "the session has ended; sign in again"};
    touch(*session, now);
    touch(*key, now);
    return key->principal();
}

void Identity::touch(ActiveKey& key, Timestamp now) {
    key.used.store(now.micros, std::memory_order_relaxed);
    if (!due(key.written, now)) return;
    auto write = [id = key.stored.key.id, organization = key.stored.key.organization, now](Session& session) -> Result<void> {
        TenantSession tenant{session, organization};
        touch_key(tenant, id, now);
        return success();
    };
    // Lost when the store is too busy: the next use in a minute writes it again.
    database_.post_write(std::move(write), [](Result<void>) {});
}

void Identity::touch(ActiveSession& active, Timestamp now) {
    active.used.store(now.micros, std::memory_order_relaxed);
    if (!due(active.written, now)) return;
    auto write = [token = active.stored.token_sha256, organization = active.stored.organization, now](Session& session) -> Result<void> {
        TenantSession tenant{session, organization};
        touch_session(tenant, token, now);
        return success();
    };
    database_.post_write(std::move(write), [](Result<void>) {});
}

awaitable<Result<CreatedKey>> Identity::create_key(values::Principal who, NewKey wanted) {
    const Timestamp now = clock_.now();
    if (auto sound = check(wanted, now); !sound) co_return sound.error();
    const std::string secret = new_secret();
    StoredKey stored{{.id = KeyId::make(),
                      .organization = who.organization,
                      .name = std::move(wanted.name),
                      .role = wanted.role,
                      .created_at = now,
                      .expires_at = wanted.expires_at,
                      .revoked_at = {},
                      .last_used_at = {},
                      .weight = wanted.weight},
                     sha256(secret), who.organization_weight};
    auto write = [stored](Session& session) -> Result<void> {
        TenantSession tenant{session, stored.key.organization};
        insert_key(tenant, stored);
        return success();
    };
    auto written = co_await database_.write(std::move(write));
    if (!written) co_return written.error();
    CreatedKey created{stored.key, key_text(stored.key.id, secret)};
    log_.info("key created", {{"key", created.key.id.text()}, {"role", values::name(created.key.role)}, {"by", who.name}});
    std::unique_lock lock{memory_->mutex};
    memory_->keys.insert_or_assign(stored.key.id, std::make_shared<ActiveKey>(std::move(stored)));
    co_return created;
}

awaitable<Result<std::vector<Key>>> Identity::list_keys(values::Principal who) {
    auto read = [organization = who.organization](Session& session) -> Result<std::vector<Key>> {
        TenantSession tenant{session, organization};
        return identity::list_keys(tenant);
    };
    auto keys = co_await database_.read(std::move(read));
    if (!keys) co_return keys.error();
    std::shared_lock lock{memory_->mutex};
    for (Key& key : *keys) { // a use that has not been written yet
        const auto at = memory_->keys.find(key.id);
        if (at == memory_->keys.end()) continue;
        if (const auto used = at->second->used.load(std::memory_order_relaxed); used != 0) key.last_used_at = Timestamp{used};
    }
    co_return std::move(*keys);
}

awaitable<Result<void>> Identity::revoke_key(values::Principal who, KeyId id) {
    auto write = [organization = who.organization, id, now = clock_.now()](Session& session) -> Result<void> {
        TenantSession tenant{session, organization};
        if (!identity::revoke_key(tenant, id, now)) return Error{Code::not_found, "there is no such key"};
        delete_sessions_of(tenant, id);
        return success();
    };
    auto written = co_await database_.write(std::move(write));
    if (!written) co_return written.error();
    forget_key(id);
    log_.info("key revoked", {{"key", id.text()}, {"by", who.name}});
    co_return success();
}

void Identity::forget_key(KeyId id) {
    std::unique_lock lock{memory_->mutex};
    memory_->keys.erase(id);
    std::erase_if(memory_->sessions, [id](const auto& entry) { return entry.second->stored.key == id; });
}

std::optional<Error> Identity::too_often(LoginLimiter& limiter, const std::string& name) const {
    const auto wait = limiter.wait(name, clock_.monotonic());
    if (wait.count() == 0) return std::nullopt;
    return Error{Code::rate_limited, fmt::format("too many sign-ins; try again in {} s", wait.count()), static_cast<int>(wait.count())};
}

// Ends what is over, and the sessions that have to go for another one of this key; those are still to be deleted. With the lock held.
std::vector<StoredSession> Identity::make_room(KeyId key, Timestamp now) {
    auto& sessions = memory_->sessions;
    std::erase_if(sessions, [now](const auto& entry) { return !entry.second->active(now); });
    std::unordered_map<KeyId, std::size_t> counts;
    for (const auto& [token, session] : sessions) ++counts[session->stored.key];
    std::vector<StoredSession> ended;
    const auto end_oldest_of = [&](KeyId owner) {
        auto oldest = sessions.end();
        for (auto at = sessions.begin(); at != sessions.end(); ++at)
            if (at->second->stored.key == owner && (oldest == sessions.end() || at->second->stored.created_at < oldest->second->stored.created_at)) oldest = at;
        ended.push_back(oldest->second->stored);
        sessions.erase(oldest);
        --counts[owner];
    };
    while (counts[key] >= max_sessions_of_key) end_oldest_of(key);
    while (sessions.size() >= max_sessions)
        end_oldest_of(std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second < b.second; })->first);
    return ended;
}

awaitable<Result<SignedIn>> Identity::login(std::string key_text, std::string remote, std::string previous) {
    const Timestamp now = clock_.now();
    const auto named = parse_key(key_text);
    const auto share = share_of(remote);
    const auto pair = fmt::format("{} {}", named ? named->id.text() : "", share);
    if (auto often = too_often(failures_, pair)) co_return *often;
    const auto key = find(key_text, now);
    if (!key) {
        if (auto often = too_often(failures_, share)) co_return *often;
        failures_.count(pair, clock_.monotonic());
        failures_.count(share, clock_.monotonic());
        if (const auto line = failures_logged_.ask()) log_.warning("sign-in failed", {{"remote", remote}, {"left_out", line->left_out}});
        co_return unknown_key();
    }
    if (auto often = too_often(successes_, pair)) co_return *often;
    successes_.count(pair, clock_.monotonic());
    const std::string token = new_secret();
    const StoredSession stored{sha256(token), key->stored.key.organization, key->stored.key.id, now, now, now + session_length};
    std::vector<StoredSession> ended;
    {
        std::unique_lock lock{memory_->mutex};
        ended = make_room(stored.key, now);
        memory_->sessions.insert_or_assign(stored.token_sha256, std::make_shared<ActiveSession>(stored)); // its place; nobody has its token yet
    }
    auto write = [stored, now, old = sha256(previous), ended = std::move(ended)](Session& session) -> Result<void> {
        TenantSession tenant{session, stored.organization};
        delete_ended_sessions(tenant, now);
        delete_session(tenant, old);
        for (const auto& each : ended) {
            TenantSession its{session, each.organization};
            delete_session(its, each.token_sha256);
        }
        insert_session(tenant, stored);
        return success();
    };
    auto written = co_await database_.write(std::move(write));
    std::unique_lock lock{memory_->mutex};
    if (!written) {
        memory_->sessions.erase(stored.token_sha256);
        co_return written.error();
    }
    memory_->sessions.erase(sha256(previous));
    lock.unlock();
    touch(*key, now);
    co_return SignedIn{token, key->principal()};
}

awaitable<Result<void>> Identity::logout(std::string token) {
    const Sha256 digest = sha256(token);
    std::shared_ptr<ActiveSession> session;
    {
        std::unique_lock lock{memory_->mutex};
        const auto at = memory_->sessions.find(digest);
        if (at == memory_->sessions.end()) co_return success();
        session = at->second;
        memory_->sessions.erase(at);
    }
    auto write = [digest, organization = session->stored.organization](Session& store) -> Result<void> {
        TenantSession tenant{store, organization};
        delete_session(tenant, digest);
        return success();
    };
    co_return co_await database_.write(std::move(write));
}

} // namespace millrace::identity
