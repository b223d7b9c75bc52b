// Signing in and out: sessions of the web page, each of a key.
#include "base/network.hpp"
#include "identity/identity_memory.hpp"
#include "identity/identity_repository.hpp"
#include "identity/key_text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::identity {

using store::SystemSession;
using store::OrganizationSession;

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

void Identity::touch(ActiveSession& active, Timestamp now) {
    active.used.store(now.micros, std::memory_order_relaxed);
    if (!due(active.written, now)) return;
    auto write = [token = active.stored.token_sha256, now](OrganizationSession& tenant) -> Result<void> {
        touch_session(tenant, token, now);
        return success();
    };
    database_.post_write(store::OrganizationTask{active.stored.organization, std::move(write)},
                         [](const Result<void>&) {});
}

std::optional<Error> Identity::too_often(LoginLimiter& limiter, const std::string& name) const {
    const auto wait = limiter.wait(name, clock_.monotonic());
    if (wait.count() == 0) return std::nullopt;
    return Error{Code::rate_limited, fmt::format("too many sign-ins; try again in {} s", wait.count()),
                 static_cast<int>(wait.count())};
}

// Ends what is over, and the sessions that have to go for another one of this key; those are still to be deleted. With
// the lock held.
std::vector<StoredSession> Identity::make_room(KeyId key, Timestamp now) {
    auto& sessions = memory_->sessions;
    std::erase_if(sessions, [now](const auto& entry) { return !entry.second->active(now); });
    std::unordered_map<KeyId, std::size_t> counts;
    for (const auto& [token, session] : sessions) ++counts[session->stored.key];
    std::vector<StoredSession> ended;
    const auto end_oldest_of = [&](KeyId owner) {
        auto oldest = sessions.end();
        for (auto at = sessions.begin(); at != sessions.end(); ++at)
            if (at->second->stored.key == owner &&
                (oldest == sessions.end() || at->second->stored.created_at < oldest->second->stored.created_at))
                oldest = at;
        ended.push_back(oldest->second->stored);
        sessions.erase(oldest);
        --counts[owner];
    };
    while (counts[key] >= max_sessions_of_key) end_oldest_of(key);
    while (sessions.size() >= max_sessions)
        end_oldest_of(std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) {
                          return a.second < b.second;
                      })->first);
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
        if (const auto line = failures_logged_.ask())
            log_.warning("sign-in failed", {{"remote", remote}, {"left_out", line->left_out}});
        co_return unknown_key();
    }
    if (auto often = too_often(successes_, pair)) co_return *often;
    successes_.count(pair, clock_.monotonic());
    const std::string token = new_secret();
    const StoredSession stored{sha256(token), key->stored.key.organization, key->stored.key.id, now,
                               now,           now + session_length};
    std::vector<StoredSession> ended;
    {
        std::unique_lock lock{memory_->mutex};
        ended = make_room(stored.key, now);
        memory_->sessions.insert_or_assign(stored.token_sha256, std::make_shared<ActiveSession>(
                                                                    stored)); // its place; nobody has its token yet
    }
    auto write = [stored, now, old = sha256(previous),
                  ended = std::move(ended)](SystemSession& session) -> Result<void> {
        OrganizationSession tenant{session, stored.organization};
        delete_ended_sessions(tenant, now);
        delete_session(tenant, old);
        for (const auto& each : ended) {
            OrganizationSession its{session, each.organization};
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
    auto write = [digest](OrganizationSession& tenant) -> Result<void> {
        delete_session(tenant, digest);
        return success();
    };
    co_return co_await database_.write(session->stored.organization, std::move(write));
}

} // namespace millrace::identity
