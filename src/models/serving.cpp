#include "models/serving.hpp"

#include <fcntl.h>

namespace millrace::models {
namespace {

using inference::Failure;
using inference::FailureReason;
using inference::Input;
using inference::ModelVersion;
using inference::Outcome;

// The bytes again, or another descriptor of the same file; nullopt when there is no descriptor to be had.
std::optional<Input> duplicate(const Input& input) {
    Input copy;
    copy.media_type = input.media_type;
    copy.bytes = input.bytes;
    copy.tensors = input.tensors;
    copy.file_size = input.file_size;
    if (input.file) {
        copy.file = Descriptor{::fcntl(input.file.get(), F_DUPFD_CLOEXEC, 0)};
        if (!copy.file) return std::nullopt;
    }
    return copy;
}

// Would another model have fared better? Not with a wrong input, and nobody waits for a withdrawn request.
bool calls_for_fallback(const Failure& failure) {
    return failure.reason != FailureReason::bad_input && failure.reason != FailureReason::cancelled;
}

// Did the model itself do badly, rather than what is around it?
bool is_fault_of_model(const Failure& failure) {
    switch (failure.reason) {
    case FailureReason::model_failed:
    case FailureReason::timed_out: return true;
    case FailureReason::worker_lost: return failure.killed_worker;
    default: return false;
    }
}

inference::Request request_for(std::shared_ptr<const ModelVersion> version, const Call& call, Input input) {
    inference::Request request;
    request.model = std::move(version);
    request.input = std::move(input);
    request.priority = call.priority;
    request.deadline = call.deadline;
    request.raw = call.raw;
    request.alone = call.alone;
    return request;
}

void mark_fallback(inference::Prediction& prediction, const ModelVersion& primary, const Failure& why) {
    prediction.result["fallback"] = true;
    prediction.result["fallback_reason"] =
        json::object{{"model_version", primary.version}, {"code", inference::word(why.reason)}, {"message", why.message}};
}

} // namespace

std::shared_ptr<const ModelVersion> Serving::fallback_of(OrganizationId organization, const Model& model, const Chosen& chosen) const {
    const auto& named = model.traffic.fallback ? model.traffic.fallback : chosen.primary->manifest->fallback;
    std::shared_ptr<const ModelVersion> fallback;
    if (named) {
        std::optional<std::string_view> version;
        if (named->version) version = *named->version;
        if (auto found = registry_.resolve(organization, named->model, version)) fallback = std::move(*found);
    } else if (chosen.side == Side::candidate) {
        // A candidate is on trial: its failures are not the clients'.
        const auto* production = model.traffic.production ? model.find(*model.traffic.production) : nullptr;
        if (production) fallback = production->runnable;
    }
    return fallback == chosen.primary ? nullptr : fallback;
}

Result<Chosen> Serving::choose(OrganizationId organization, std::string_view name, std::optional<std::string_view> version,
                               std::string_view sticky_key) const {
    Chosen chosen;
    if (version) {
        auto named = registry_.resolve(organization, name, version);
        if (!named) return named.error();
        chosen.primary = std::move(*named);
        chosen.by_traffic = false;
        return chosen;
    }
    const auto model = registry_.find(organization, name);
    if (!model) return model.error();
    const auto& traffic = (*model)->traffic;
    chosen.side = models::choose(traffic, name, sticky_key);
    const auto* candidate = chosen.side == Side::candidate ? (*model)->find(traffic.candidate->version) : nullptr;
    if (candidate && candidate->ready()) {
        chosen.primary = candidate->runnable;
    } else {
        chosen.side = Side::production;
        auto production = registry_.resolve(organization, name);
        if (!production) return production.error();
        chosen.primary = std::move(*production);
    }
    chosen.fallback = fallback_of(organization, **model, chosen);
    const auto* shadow = traffic.shadow ? (*model)->find(*traffic.shadow) : nullptr;
    if (shadow && chosen.side == Side::production) chosen.shadow = shadow->runnable;
    return chosen;
}

awaitable<Outcome> Serving::run(Breakers::Passage passage, std::shared_ptr<const ModelVersion> version, Call call) {
    auto request = request_for(std::move(version), call, std::move(call.input));
    auto outcome = co_await runner_.predict(std::move(request));
    if (outcome || is_fault_of_model(outcome.error())) passage.record(outcome.has_value());
    co_return outcome;
}

awaitable<Outcome> Serving::predict(Call call) {
    const auto chosen = call.chosen;
    // A breaker that refuses where nobody else can answer would make failures of successes.
    if (!chosen.fallback) co_return co_await run(breakers_.pass(*chosen.primary), chosen.primary, std::move(call));

    auto spare = duplicate(call.input);
    Call again{chosen, {}, call.priority, call.deadline, call.raw, call.alone};
    Outcome outcome = Failure{FailureReason::unavailable, "its breaker is open: too many of its predictions failed", false};
    if (auto passage = breakers_.ask(*chosen.primary)) outcome = co_await run(std::move(*passage), chosen.primary, std::move(call));
    if (outcome || !calls_for_fallback(outcome.error()) || !spare || clock_.monotonic() >= again.deadline) co_return outcome;
    again.input = std::move(*spare);
    auto second = co_await run(breakers_.pass(*chosen.fallback), chosen.fallback, std::move(again));
    if (!second) co_return outcome;
    mark_fallback(*second, *chosen.primary, outcome.error());
    co_return second;
}

} // namespace millrace::models
