#include "api/protocol/protocol_repository.hpp"

#include "api/models/model_parts.hpp"

namespace millrace::api {

ProtocolRepository::Loaded ProtocolRepository::loaded() const {
    Loaded all;
    for (auto& each : engine_.models()) {
        Key key{each.version->organization, each.version->name, each.version->version};
        all.insert_or_assign(std::move(key), std::move(each));
    }
    return all;
}

ProtocolRepository::Place ProtocolRepository::place(const models::Version& version, const Key& key,
                                                    const Loaded& loaded) const {
    if (!version.ready()) return {"UNAVAILABLE", version.reason};
    const auto at = loaded.find(key);
    const std::string state = at == loaded.end() ? "absent" : at->second.state;
    if (at != loaded.end())
        for (const auto& held : at->second.quarantine)
            if (held.kind == "model" && held.until > SystemClock::instance().now())
                return {"UNAVAILABLE", "in quarantine: it keeps ending its workers"};
    if (state == "ready") return {"READY", ""};
    if (state == "loading") return {"LOADING", ""};
    if (state == "failed") return {"UNAVAILABLE", at->second.reason};
    if (unloaded_.lock()->contains(key)) return {"UNAVAILABLE", "unloaded"};
    return {"READY", "not in memory: the first request loads it"};
}

json::array ProtocolRepository::index(OrganizationId organization, bool ready_only) const {
    json::array out;
    const auto in_engine = loaded();
    for (const auto& model : registry_.list(organization))
        for (const auto& version : model->versions) {
            const auto number = std::to_string(version.number);
            auto [state, reason] = place(version, {organization, model->name, number}, in_engine);
            if (!ready_only || state == "READY")
                out.push_back(
                    json::object{{"name", model->name}, {"version", number}, {"state", state}, {"reason", reason}});
        }
    return out;
}

bool ProtocolRepository::ready(OrganizationId organization, std::string_view name,
                               std::optional<std::string_view> version) const {
    const auto runnable = registry_.resolve(organization, name, version);
    if (!runnable) return false;
    const auto model = registry_.find(organization, name);
    if (!model) return false;
    for (const auto& each : (*model)->versions)
        if (each.runnable == *runnable)
            return place(each, {organization, std::string{name}, (*runnable)->version}, loaded()).state == "READY";
    return false;
}

awaitable<Result<void>> ProtocolRepository::load(OrganizationId organization, std::string name) {
    auto version = registry_.resolve(organization, name);
    if (!version) co_return version.error();
    auto loaded = co_await load_parts(registry_, engine_, *version);
    if (!loaded) co_return loaded.error();
    unloaded_.lock()->erase({organization, name, (*version)->version});
    co_return success();
}

awaitable<Result<void>> ProtocolRepository::unload(OrganizationId organization, std::string name) {
    const auto model = registry_.find(organization, name);
    if (!model) co_return model.error();
    for (const auto& version : (*model)->versions) {
        if (!version.ready()) continue;
        auto unloaded = co_await unload_parts(registry_, engine_, version.runnable);
        if (!unloaded) co_return unloaded.error();
        unloaded_.lock()->insert({organization, name, version.runnable->version});
    }
    co_return success();
}

} // namespace millrace::api
