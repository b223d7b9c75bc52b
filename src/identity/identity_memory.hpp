// What Identity holds in memory: every key and session that works, each with the time of its last use. Private to the
// room.
#pragma once
#include "identity/identity.hpp"

#include <atomic>
#include <cstring>
#include <memory>
#include <shared_mutex>
#include <unordered_map>

namespace millrace::identity {

// A digest is random already: eight of its bytes are the hash.
struct DigestHash {
    std::size_t operator()(const Sha256& digest) const noexcept {
        std::size_t value;
        std::memcpy(&value, digest.data(), sizeof value);
        return value;
    }
};

struct Identity::ActiveKey {
    explicit ActiveKey(StoredKey from) : stored{std::move(from)} {
        used = written = stored.key.last_used_at ? stored.key.last_used_at->micros : 0;
    }
    bool active(Timestamp now) const { return !stored.key.expires_at || now < *stored.key.expires_at; }
    values::Principal principal() const {
        return {stored.key.organization, ActorId{stored.key.id.value}, stored.key.name, stored.key.role,
                stored.key.weight,       stored.organization_weight};
    }

    const StoredKey stored;
    std::atomic<std::int64_t> used{0}, written{0}; // microseconds
};

struct Identity::ActiveSession {
    explicit ActiveSession(const StoredSession& from) : stored{from} { used = written = stored.last_used_at.micros; }
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

// True for one caller in each interval, whose task it is to write the time down.
inline bool due(std::atomic<std::int64_t>& written, Timestamp now) {
    constexpr std::int64_t interval = std::chrono::microseconds{Identity::touch_interval}.count();
    std::int64_t last = written.load(std::memory_order_relaxed);
    return now.micros - last >= interval &&
           written.compare_exchange_strong(last, now.micros, std::memory_order_relaxed);
}

inline Error unknown_key() {
    return {Code::unauthenticated, "the key is not known here, or has expired or been revoked"};
}

} // namespace millrace::identity
