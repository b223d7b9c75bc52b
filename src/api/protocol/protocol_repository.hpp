// The model repository as the Open Inference Protocol shows it: what is ready, load, unload. Thread-safe.
//
// A model that nobody asked yet is ready, too: its first request loads it. One that was unloaded by a call is not,
// until it is loaded again, be it by a prediction.
#pragma once
#include "async/guarded.hpp"
#include "base/json.hpp"
#include "inference/engine.hpp"
#include "models/registry.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>

namespace millrace::api {

class ProtocolRepository {
public:
    // Borrows both.
    ProtocolRepository(models::Registry& registry, inference::Engine& engine) : registry_{registry}, engine_{engine} {}

    // [{"name","version","state","reason"}] of every version, or of those that are READY.
    json::array index(OrganizationId organization, bool ready_only) const;
    // Of the production version unless another is named. False for a model that is not there.
    bool ready(OrganizationId organization, std::string_view name, std::optional<std::string_view> version) const;

    // Answers when the production version may be used. not_found, or why it cannot be loaded.
    awaitable<Result<void>> load(OrganizationId organization, std::string name);
    // Every version of it. not_found.
    awaitable<Result<void>> unload(OrganizationId organization, std::string name);

private:
    using Key = std::tuple<OrganizationId, std::string, std::string>; // organisation, name, version
    struct Place {
        std::string state, reason;
    };
    using Loaded = std::map<Key, inference::LoadedModel>;
    Loaded loaded() const;
    Place place(const models::Version& version, const Key& key, const Loaded& loaded) const;

    models::Registry& registry_;
    inference::Engine& engine_;
    mutable async::Guarded<std::set<Key>> unloaded_; // by a call, and not loaded by one since
};

} // namespace millrace::api
