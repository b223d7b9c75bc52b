#include "models/serving.hpp"

#include "models/sampling.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>

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
    copy.file_sha256 = input.file_sha256;
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

Serving::Serving(Registry& registry, Runner& runner, Breakers& breakers, VersionStats& stats, Rollout& rollout, const Clock& clock,
                 telemetry::Metrics& metrics)
    : registry_{registry}, runner_{runner}, breakers_{breakers}, stats_{stats}, rollout_{rollout}, clock_{clock},
      shadowing_{runner, stats, clock, metrics},
      fallbacks_{metrics.counter("millrace_model_fallbacks_total", "Predictions that the fallback answered")} {}

// The verdict is carried out beside the answer, which does not wait for it.
awaitable<void> Serving::judge(const ModelVersion& version, Sample sample) {
    sample.label = {}; // labels do not decide, and are many
    auto verdict = rollout_.observe(version, sample);
    if (!verdict) co_return;
    auto executor = co_await asio::this_coro::executor;
    asio::co_spawn(executor, rollout_.carry_out(std::move(*verdict)), asio::detached);
}

awaitable<Outcome> Serving::run(Breakers::Passage passage, std::shared_ptr<const ModelVersion> version, Call call) {
    const auto began = clock_.monotonic();
    auto request = request_for(version, call, std::move(call.input));
    auto outcome = co_await runner_.predict(std::move(request));
    const auto sample = sample_of(outcome, clock_.monotonic() - began);
    if (!sample) co_return outcome;
    passage.record(!sample->error);
    stats_.record(*version, *sample);
    if (call.chosen.by_traffic) co_await judge(*version, *sample);
    co_return outcome;
}

awaitable<Outcome> Serving::run_fallback(Call call, Failure why, bool refused) {
    const auto chosen = call.chosen;
    auto passage = breakers_.pass(*chosen.fallback);
    auto outcome = co_await run(std::move(passage), chosen.fallback, std::move(call));
    if (!outcome) {
        if (refused) co_return outcome; // the primary has not been asked, and has nothing to say
        co_return why;
    }
    mark_fallback(*outcome, *chosen.primary, why);
    stats_.record_fallback(*chosen.primary);
    fallbacks_.add();
    co_return outcome;
}

awaitable<Outcome> Serving::predict(Call call) {
    const auto chosen = call.chosen;
    const bool shown = chosen.shadow && shadowing_.has_room(call.input);
    std::optional<Input> spare;
    if (chosen.fallback || shown) spare = duplicate(call.input);
    Call again{chosen, {}, call.priority, call.deadline, call.raw, call.alone};

    // A breaker that refuses where nobody else can answer would make failures of successes.
    auto passage = chosen.fallback ? breakers_.ask(*chosen.primary) : std::optional{breakers_.pass(*chosen.primary)};
    Outcome outcome = Failure{FailureReason::unavailable, "its breaker is open: too many of its predictions failed", false};
    const bool refused = !passage;
    if (!refused) outcome = co_await run(std::move(*passage), chosen.primary, std::move(call));
    if (outcome && shown && spare) shadowing_.show(chosen.shadow, std::move(*spare), *outcome, again.raw);
    if (outcome || !chosen.fallback || !spare || !calls_for_fallback(outcome.error()) || clock_.monotonic() >= again.deadline) co_return outcome;
    again.input = std::move(*spare);
    co_return co_await run_fallback(std::move(again), outcome.error(), refused);
}

} // namespace millrace::models
