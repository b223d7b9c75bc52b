#include "models/rollout.hpp"

#include "base/json_text.hpp"
#include "events/event_log.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::models {
namespace {

using inference::ModelVersion;
using store::OrganizationSession;

constexpr std::string_view automatic = "millrace";

} // namespace

Rollout::Rollout(store::Database& database, events::Feed& feed, Registry& registry, Runner& runner, const Clock& clock,
                 telemetry::Log& log, telemetry::Metrics& metrics)
    : database_{database},
      registry_{registry},
      runner_{runner},
      clock_{clock},
      log_{log},
      contests_{clock},
      rolled_back_{metrics.counter("millrace_model_rollbacks_total",
                                   "Candidates that were taken back because they failed or were slow")} {
    feed.subscribe<TrafficSet>([this](const std::shared_ptr<const TrafficSet>& set) {
        registry_.set_traffic(set->organization, set->model, set->traffic);
        contests_.begin(set->organization, set->model, set->revision, set->traffic);
    });
}

std::optional<Verdict> Rollout::observe(const inference::ModelVersion& version, const Sample& sample) {
    auto verdict = contests_.observe(version, sample);
    if (contests_.save_is_due() && !repeating_.stopped()) save();
    return verdict;
}

awaitable<Result<void>> Rollout::warm(OrganizationId organization, std::string name, Traffic traffic) {
    std::vector<std::pair<std::string, std::optional<std::string>>> wanted;
    for (const int version : traffic.versions()) wanted.emplace_back(name, std::to_string(version));
    if (traffic.fallback) wanted.emplace_back(traffic.fallback->model, traffic.fallback->version);
    for (const auto& [model, text] : wanted) {
        std::optional<std::string_view> version;
        if (text) version = *text;
        const auto found = registry_.resolve(organization, model, version);
        if (!found) co_return Error{Code::unprocessable, found.error().detail};
        const auto label = fmt::format("{}/{}", model, (*found)->version);
        auto loaded = co_await runner_.load(*found);
        if (!loaded && loaded.error().code == Code::unavailable) co_return loaded.error();
        if (!loaded)
            co_return Error{Code::conflict, fmt::format("{} cannot be loaded, and the traffic is as it was: {}", label,
                                                        loaded.error().detail)};
        if (*loaded == Loaded::no_runtime)
            log_.warning("a model version gets traffic untried: there is no runtime here", {{"version", label}});
    }
    co_return success();
}

awaitable<Result<int>> Rollout::commit(OrganizationId organization, std::string name, TrafficChange change,
                                       json::object event) {
    auto task = [organization, name = std::move(name), change = std::move(change),
                 event = std::move(event)](OrganizationSession& tenant) -> Result<int> {
        auto revision = write_traffic(tenant, name, change);
        if (!revision) return revision;
        events::write_event(tenant, change.stands_for ? "model.rolled_back" : "model.traffic_set", name, event,
                            change.at);
        tenant.publish(TrafficSet{organization, name, *revision, change.traffic});
        return revision;
    };
    co_return co_await database_.write(organization, std::move(task));
}

awaitable<Result<void>> Rollout::set(values::Principal who, std::string name, Traffic traffic) {
    const auto model = registry_.find(who.organization, name);
    if (!model) co_return model.error();
    const auto& fallback = traffic.fallback;
    if (fallback && fallback->model == name &&
        (!fallback->version || *fallback->version == std::to_string(*traffic.production)))
        co_return Error{Code::unprocessable,
                        "the fallback of a production version is another version, or another model"};
    const auto warmed = co_await warm(who.organization, name, traffic);
    if (!warmed) co_return warmed.error();
    // What serves until now: asked as late as can be.
    const auto present = registry_.find(who.organization, name);
    if (!present) co_return present.error();
    const auto before = (*present)->traffic;
    json::object event{{"traffic", traffic.to_json()}, {"by", who.name}};
    TrafficChange change{traffic, {}, {}, "", who.name, clock_.now()};
    const auto written = co_await commit(who.organization, name, std::move(change), std::move(event));
    if (!written) co_return written.error();
    log_.info("model traffic set", {{"model", name}, {"traffic", json_text(traffic.to_json())}, {"by", who.name}});
    co_await give_back(who.organization, name, before);
    co_return success();
}

bool Rollout::can_serve(const Model& model, const Traffic& traffic) const {
    const auto versions = traffic.versions();
    const bool own = std::all_of(versions.begin(), versions.end(), [&](int number) {
        const auto* version = model.find(number);
        return version && version->ready();
    });
    if (!own || !traffic.fallback) return own;
    std::optional<std::string_view> version;
    if (traffic.fallback->version) version = *traffic.fallback->version;
    return registry_.resolve(model.organization, traffic.fallback->model, version).has_value();
}

awaitable<Result<void>> Rollout::roll_back(values::Principal who, std::string name, std::string reason) {
    const auto model = registry_.find(who.organization, name);
    if (!model) co_return model.error();
    auto known = co_await history(who.organization, name);
    if (!known) co_return known.error();
    if (known->empty()) co_return Error{Code::conflict, fmt::format("the traffic of \"{}\" was never set", name)};
    const StoredTraffic* target = nullptr;
    for (const auto& each : *known)
        if (!target && each.revision < known->front().stands_for &&
            !same_answers(each.traffic, known->front().traffic) && can_serve(**model, each.traffic))
            target = &each;
    if (!target)
        co_return Error{Code::conflict,
                        fmt::format("there is no earlier traffic of \"{}\" that can be returned to", name)};
    const auto warmed = co_await warm(who.organization, name, target->traffic);
    if (!warmed) co_return warmed.error();
    json::object event{
        {"traffic", target->traffic.to_json()}, {"reason", reason}, {"by", who.name}, {"automatic", false}};
    TrafficChange change{target->traffic, known->front().revision, target->stands_for, reason, who.name, clock_.now()};
    const auto written = co_await commit(who.organization, name, std::move(change), std::move(event));
    if (!written) co_return written.error();
    log_.warning(
        "model rolled back",
        {{"model", name}, {"traffic", json_text(target->traffic.to_json())}, {"reason", reason}, {"by", who.name}});
    co_await give_back(who.organization, name, known->front().traffic);
    co_return success();
}

awaitable<void> Rollout::carry_out(Verdict verdict) {
    const auto model = registry_.find(verdict.organization, verdict.model);
    if (!model) co_return;
    const auto before = (*model)->traffic;
    if (!before.candidate || before.candidate->version != verdict.candidate) co_return; // somebody was faster
    Traffic after = before;
    after.candidate.reset();
    json::object event{{"traffic", after.to_json()},
                       {"version", std::to_string(verdict.candidate)},
                       {"reason", verdict.reason},
                       {"by", automatic},
                       {"automatic", true}};
    // It stands for the traffic that it ends, so that a roll-back by hand goes to what was before that.
    TrafficChange change{after,          verdict.revision,       verdict.revision,
                         verdict.reason, std::string{automatic}, clock_.now()};
    const auto written = co_await commit(verdict.organization, verdict.model, std::move(change), std::move(event));
    if (!written) {
        log_.error("a candidate that does badly could not be taken back",
                   {{"model", verdict.model}, {"version", verdict.candidate}, {"reason", written.error().detail}});
        contests_.reopen(verdict);
        co_return;
    }
    rolled_back_.add();
    log_.warning(
        "model rolled back",
        {{"model", verdict.model}, {"version", verdict.candidate}, {"reason", verdict.reason}, {"by", automatic}});
    co_await give_back(verdict.organization, verdict.model, before);
}

awaitable<Result<std::vector<StoredTraffic>>> Rollout::history(OrganizationId organization, std::string name) {
    auto read = [name](OrganizationSession& tenant) -> Result<std::vector<StoredTraffic>> {
        return traffic_history(tenant, name);
    };
    co_return co_await database_.read(organization, std::move(read));
}

bool Rollout::is_needed(OrganizationId organization, const std::string& name, int version) const {
    const auto text = std::to_string(version);
    const auto models = registry_.list(organization);
    return std::any_of(models.begin(), models.end(), [&](const auto& model) {
        const auto& fallback = model->traffic.fallback;
        return (model->name == name && model->traffic.names(version)) ||
               (fallback && fallback->model == name && fallback->version == text);
    });
}

// What waits for a version is run before its memory is given back.
awaitable<void> Rollout::give_back(OrganizationId organization, std::string name, Traffic before) {
    for (const int version : before.versions()) {
        if (is_needed(organization, name, version)) continue;
        const auto found = registry_.resolve(organization, name, std::to_string(version));
        if (found) co_await runner_.unload(*found);
    }
}

} // namespace millrace::models
