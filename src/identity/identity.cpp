#include "identity/identity.hpp"

#include "identity/identity_memory.hpp"
#include "identity/identity_repository.hpp"
#include "identity/key_text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::identity {
namespace {

using store::SystemSession;
using store::OrganizationSession;

Result<void> check(const NewKey& wanted, Timestamp now) {
    const bool clean = std::ranges::none_of(wanted.name, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
    if (wanted.name.empty() || wanted.name.size() > 100 || !clean)
        return Error{Code::unprocessable, "\"name\" must have 1 to 100 bytes and no control characters"};
    if (wanted.expires_at && *wanted.expires_at <= now)
        return Error{Code::unprocessable, "\"expires_at\" has passed already"};
    if (wanted.weight < 1 || wanted.weight > 100) return Error{Code::unprocessable, "\"weight\" must be from 1 to 100"};
    return success();
}

} // namespace

Identity::Identity(store::Database& database, events::Feed& feed, const Clock& clock, telemetry::Log& log)
    : database_{database},
      clock_{clock},
      log_{log},
      memory_{std::make_unique<Memory>()} {
    feed.subscribe<KeyCreated>([this](const std::shared_ptr<const KeyCreated>& created) {
        std::unique_lock lock{memory_->mutex};
        memory_->keys.insert_or_assign(created->stored.key.id, std::make_shared<ActiveKey>(created->stored));
    });
    feed.subscribe<KeyRevoked>([this](const std::shared_ptr<const KeyRevoked>& revoked) { forget_key(revoked->id); });
}

Identity::~Identity() = default;

awaitable<Result<void>> Identity::load() {
    const Timestamp now = clock_.now();
    auto loaded = co_await database_.read([now](SystemSession& session) -> Result<Loaded> {
        return Loaded{active_keys(session, now), active_sessions(session, now)};
    });
    if (!loaded) co_return loaded.error();
    remember(std::move(*loaded));
    co_return success();
}

Result<void> Identity::load_blocking() {
    const Timestamp now = clock_.now();
    auto loaded = database_.read_blocking([now](SystemSession& session) -> Result<Loaded> {
        return Loaded{active_keys(session, now), active_sessions(session, now)};
    });
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
    std::sort(loaded.sessions.begin(), loaded.sessions.end(),
              [](const auto& a, const auto& b) { return a.created_at > b.created_at; });
    std::unordered_map<KeyId, std::size_t> counts;
    for (const auto& session : loaded.sessions) {
        if (memory_->sessions.size() >= max_sessions || counts[session.key]++ >= max_sessions_of_key) continue;
        memory_->sessions.insert_or_assign(session.token_sha256, std::make_shared<ActiveSession>(session));
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

void Identity::touch(ActiveKey& key, Timestamp now) {
    key.used.store(now.micros, std::memory_order_relaxed);
    if (!due(key.written, now)) return;
    auto write = [id = key.stored.key.id, now](OrganizationSession& tenant) -> Result<void> {
        touch_key(tenant, id, now);
        return success();
    };
    // Lost when the store is too busy: the next use in a minute writes it again.
    database_.post_write(store::OrganizationTask{key.stored.key.organization, std::move(write)},
                         [](const Result<void>&) {});
}

awaitable<Result<CreatedKey>> Identity::create_key(values::Principal who, NewKey wanted) {
    const Timestamp now = clock_.now();
    if (auto sound = check(wanted, now); !sound) co_return sound.error();
    const std::string secret = new_secret();
    const StoredKey stored{{.id = KeyId::make(),
                            .organization = who.organization,
                            .name = std::move(wanted.name),
                            .role = wanted.role,
                            .created_at = now,
                            .expires_at = wanted.expires_at,
                            .revoked_at = {},
                            .last_used_at = {},
                            .weight = wanted.weight},
                           sha256(secret),
                           who.organization_weight};
    auto write = [stored](OrganizationSession& tenant) -> Result<void> {
        insert_key(tenant, stored);
        tenant.publish(KeyCreated{stored});
        return success();
    };
    auto written = co_await database_.write(stored.key.organization, std::move(write));
    if (!written) co_return written.error();
    CreatedKey created{stored.key, key_text(stored.key.id, secret)};
    log_.info("key created",
              {{"key", created.key.id.text()}, {"role", values::name(created.key.role)}, {"by", who.name}});
    co_return created;
}

awaitable<Result<std::vector<Key>>> Identity::list_keys(values::Principal who) {
    auto read = [](OrganizationSession& tenant) -> Result<std::vector<Key>> { return identity::list_keys(tenant); };
    auto keys = co_await database_.read(who.organization, std::move(read));
    if (!keys) co_return keys.error();
    std::shared_lock lock{memory_->mutex};
    for (Key& key : *keys) { // a use that has not been written yet
        const auto at = memory_->keys.find(key.id);
        if (at == memory_->keys.end()) continue;
        if (const auto used = at->second->used.load(std::memory_order_relaxed); used != 0)
            key.last_used_at = Timestamp{used};
    }
    co_return std::move(*keys);
}

awaitable<Result<void>> Identity::revoke_key(values::Principal who, KeyId id) {
    auto write = [id, now = clock_.now()](OrganizationSession& tenant) -> Result<void> {
        if (!identity::revoke_key(tenant, id, now)) return Error{Code::not_found, "there is no such key"};
        delete_sessions_of(tenant, id);
        tenant.publish(KeyRevoked{id});
        return success();
    };
    auto written = co_await database_.write(who.organization, std::move(write));
    if (!written) co_return written.error();
    log_.info("key revoked", {{"key", id.text()}, {"by", who.name}});
    co_return success();
}

void Identity::forget_key(KeyId id) {
    std::unique_lock lock{memory_->mutex};
    memory_->keys.erase(id);
    std::erase_if(memory_->sessions, [id](const auto& entry) { return entry.second->stored.key == id; });
}

} // namespace millrace::identity
