#include "models/serving.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>

namespace millrace::models {
namespace {

using inference::Failure;
using inference::FailureReason;
using inference::Input;
using inference::ModelVersion;
using inference::Outcome;

constexpr std::string_view open_breaker = "its breaker is open: too many of its predictions failed";

bool is_withdrawn(const Outcome& outcome) { return !outcome && outcome.error().reason == FailureReason::cancelled; }

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

// The model and version that answered stand in the result; an answer out of the cache may have none.
void mark_fallback(inference::Prediction& prediction, const ModelVersion& answered, const ModelVersion& primary,
                   const Failure& why) {
    if (!prediction.result.contains("model")) {
        prediction.result["model"] = answered.name;
        prediction.result["model_version"] = answered.version;
    }
    prediction.result["fallback"] = true;
    prediction.result["fallback_reason"] = json::object{
        {"model_version", primary.version}, {"code", inference::word(why.reason)}, {"message", why.message}};
}

// As if the traffic had sent it to production at once.
Chosen to_production(Chosen chosen) {
    if (chosen.production) chosen.primary = std::move(chosen.production);
    chosen.production = nullptr;
    chosen.absent = nullptr;
    chosen.side = Side::production;
    return chosen;
}

} // namespace

std::uint64_t Chosen::max_input_bytes() const {
    std::uint64_t most = 0;
    for (const auto& version : {primary, production})
        if (version) most = std::max(most, version->manifest->max_input_bytes);
    return most;
}

std::shared_ptr<const ModelVersion> Serving::fallback_of(OrganizationId organization, const Model& model,
                                                         const ModelVersion& production) const {
    const auto& named = model.traffic.fallback ? model.traffic.fallback : production.manifest->fallback;
    if (!named) return nullptr;
    std::optional<std::string_view> version;
    if (named->version) version = *named->version;
    auto found = registry_.resolve(organization, named->model, version);
    if (!found || ((*found)->name == production.name && (*found)->version == production.version)) return nullptr;
    return std::move(*found);
}

Result<Chosen> Serving::choose(OrganizationId organization, std::string_view name,
                               std::optional<std::string_view> version, std::string_view sticky_key) const {
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
    auto production = registry_.resolve(organization, name);
    const bool on_trial = models::choose(traffic, name, sticky_key) == Side::candidate &&
                          !rollout_.has_lost(organization, (*model)->name, traffic.candidate->version);
    const auto* candidate = on_trial ? (*model)->find(traffic.candidate->version) : nullptr;
    if (!production && !(candidate && candidate->ready())) return production.error();
    if (production) {
        chosen.primary = *production;
        chosen.fallback = fallback_of(organization, **model, **production);
    }
    if (candidate && candidate->ready()) {
        chosen.side = Side::candidate;
        chosen.primary = candidate->runnable;
        if (production) chosen.production = std::move(*production);
    } else if (candidate) {
        chosen.absent = std::make_shared<const ModelVersion>(
            ModelVersion{organization, (*model)->name, std::to_string(candidate->number), {}, {}, nullptr});
    }
    const auto* shadow = traffic.shadow ? (*model)->find(*traffic.shadow) : nullptr;
    if (shadow && chosen.side == Side::production) chosen.shadow = shadow->runnable;
    return chosen;
}

Serving::Serving(Registry& registry, Runner& runner, Breakers& breakers, VersionStats& stats, Rollout& rollout,
                 const Clock& clock, telemetry::Metrics& metrics)
    : registry_{registry},
      runner_{runner},
      breakers_{breakers},
      stats_{stats},
      rollout_{rollout},
      clock_{clock},
      shadowing_{runner, stats, clock, metrics},
      fallbacks_{metrics.counter("millrace_model_fallbacks_total", "Predictions that the fallback answered")} {}

void Serving::observe(const asio::any_io_executor& executor, const ModelVersion& version, Sample sample) {
    sample.label = {}; // labels do not decide, and are many
    auto verdict = rollout_.observe(version, sample);
    if (verdict) asio::co_spawn(executor, rollout_.carry_out(std::move(*verdict)), asio::detached);
}

void Serving::count(const ModelVersion& version, const Ran& ran) {
    const auto& outcome = ran.outcome;
    if (outcome && outcome->cached) stats_.record(version, Aside::cached);
    else if (outcome) stats_.record(version, sample_of(*outcome, ran.took));
    else if (is_fault_of_model(outcome.error())) stats_.record(version, Sample{.error = true});
    else if (outcome.error().reason == FailureReason::bad_input) stats_.record(version, Aside::bad_input);
    else if (!is_withdrawn(outcome)) stats_.record(version, Aside::turned_away);
}

// What a prediction of a candidate was, once it is known what production makes of the same input.
void Serving::conclude(const asio::any_io_executor& executor, const ModelVersion& candidate, Ran& ran, bool refused,
                       Judged judged) {
    const auto& outcome = ran.outcome;
    if (judged == Judged::worse) {
        if (ran.passage && !outcome && is_fault_of_model(outcome.error()) && !outcome.error().no_answer)
            ran.passage->record(false);
        const bool not_run = refused || (!outcome && !is_fault_of_model(outcome.error()));
        stats_.record(candidate, Sample{.error = true, .refused = not_run});
        return observe(executor, candidate, Sample{.error = true});
    }
    if (refused) return stats_.record(candidate, Sample{.error = true, .refused = true});
    count(candidate, ran);
    if (judged == Judged::good && !outcome->cached) observe(executor, candidate, sample_of(*outcome, ran.took));
}

awaitable<Serving::Ran> Serving::run(Breakers::Passage passage, std::shared_ptr<const ModelVersion> version,
                                     Call call) {
    const auto began = clock_.monotonic();
    const auto deadline = call.deadline;
    const bool measured = call.measured;
    auto request = request_for(version, call, std::move(call.input));
    auto outcome = co_await runner_.predict(std::move(request));
    const auto now = clock_.monotonic();
    // Whoever stops work at its deadline does it by withdrawing it.
    if (is_withdrawn(outcome) && now >= deadline)
        outcome = Failure{FailureReason::timed_out, "it was not answered by its deadline", false};
    // An output that has no form in JSON may well be what the model is there for: its breaker does not hear of it.
    const bool tells = outcome ? !outcome->cached : is_fault_of_model(outcome.error()) && !outcome.error().no_answer;
    // What a candidate's failure tells is known only when production has been asked with the same input.
    const bool judged_later = call.chosen.side == Side::candidate && version == call.chosen.primary && !outcome;
    if (tells && !measured && !judged_later) passage.record(outcome.has_value());
    co_return Ran{std::move(outcome), now - began, std::move(passage)};
}

awaitable<Outcome> Serving::run_fallback(Call call, Failure why, bool refused) {
    const auto chosen = call.chosen;
    const bool measured = call.measured;
    auto passage = breakers_.pass(*chosen.fallback);
    auto ran = co_await run(std::move(passage), chosen.fallback, std::move(call));
    if (!measured) count(*chosen.fallback, ran);
    if (!ran.outcome) {
        if (refused) co_return std::move(ran.outcome); // the primary has not been asked, and has nothing to say
        co_return why;
    }
    mark_fallback(*ran.outcome, *chosen.fallback, *chosen.primary, why);
    if (!measured) stats_.record_fallback(*chosen.primary);
    fallbacks_.add();
    co_return std::move(ran.outcome);
}

awaitable<Serving::Answered> Serving::predict_with_fallback(Call call, bool judged) {
    const auto executor = co_await asio::this_coro::executor;
    const auto chosen = call.chosen;
    const bool counted = !call.measured;
    const bool shown = chosen.shadow && counted && shadowing_.has_room(call.input);
    std::optional<Input> spare;
    if (chosen.fallback || shown) spare = duplicate(call.input);
    Call again{chosen, {}, call.priority, call.deadline, call.raw, call.alone, call.measured};

    // A breaker that refuses where nobody else can answer would make failures of successes.
    auto passage =
        chosen.fallback && counted ? breakers_.ask(*chosen.primary) : std::optional{breakers_.pass(*chosen.primary)};
    Ran ran{Failure{FailureReason::unavailable, std::string{open_breaker}, false}};
    const bool refused = !passage;
    if (!refused) ran = co_await run(std::move(*passage), chosen.primary, std::move(call));
    auto& outcome = ran.outcome;
    if (counted && refused) stats_.record(*chosen.primary, Sample{.error = true, .refused = true});
    else if (counted) count(*chosen.primary, ran);
    if (judged && outcome && !outcome->cached) observe(executor, *chosen.primary, sample_of(*outcome, ran.took));
    if (judged && !outcome && (refused || is_fault_of_model(outcome.error())))
        observe(executor, *chosen.primary, Sample{.error = true});
    if (outcome && shown && spare) shadowing_.show(chosen.shadow, std::move(*spare), *outcome, again.raw);
    if (outcome) co_return Answered{std::move(outcome), std::nullopt};
    const auto failure = outcome.error();
    if (!chosen.fallback || !spare || !calls_for_fallback(failure) || clock_.monotonic() >= again.deadline)
        co_return Answered{std::move(outcome), failure};
    again.input = std::move(*spare);
    auto instead = co_await run_fallback(std::move(again), failure, refused);
    co_return Answered{std::move(instead), failure};
}

// Everything is counted before anything is awaited after a cancel, for that would throw.
awaitable<Outcome> Serving::predict_on_trial(Call call) {
    const auto executor = co_await asio::this_coro::executor;
    const auto candidate = call.chosen.primary;
    const bool counted = !call.measured;
    std::optional<Input> spare;
    if (call.chosen.production) spare = duplicate(call.input);
    Call again{to_production(call.chosen), {}, call.priority, call.deadline, call.raw, call.alone, call.measured};

    auto passage = counted ? breakers_.ask(*candidate) : std::optional{breakers_.pass(*candidate)};
    Ran ran{Failure{FailureReason::unavailable, std::string{open_breaker}, false}};
    const bool refused = !passage;
    if (!refused) ran = co_await run(std::move(*passage), candidate, std::move(call));
    if (ran.outcome || is_withdrawn(ran.outcome)) {
        if (counted) conclude(executor, *candidate, ran, refused, ran.outcome ? Judged::good : Judged::nothing);
        co_return std::move(ran.outcome);
    }
    const auto failure = ran.outcome.error();
    if (!spare || clock_.monotonic() >= again.deadline) {
        // Nobody can say what production makes of it. That it calls an input wrong may well be true.
        const auto judged = failure.reason == FailureReason::bad_input ? Judged::nothing : Judged::worse;
        if (counted) conclude(executor, *candidate, ran, refused, judged);
        co_return std::move(ran.outcome);
    }
    again.input = std::move(*spare);
    const auto production = again.chosen.primary;
    auto instead = co_await predict_with_fallback(std::move(again), false);
    if (counted)
        conclude(executor, *candidate, ran, refused,
                 judge(failure, refused, instead.failed ? &*instead.failed : nullptr));
    if (instead.outcome && counted) stats_.record_fallback(*candidate);
    if (instead.outcome && !instead.failed) {
        mark_fallback(*instead.outcome, *production, *candidate, failure);
        fallbacks_.add();
    }
    co_return std::move(instead.outcome);
}

awaitable<Chosen> Serving::turned_down(Chosen chosen, bool measured) {
    const auto executor = co_await asio::this_coro::executor;
    if (measured) co_return to_production(std::move(chosen));
    Ran ran{Failure{FailureReason::bad_input, "its manifest refuses what production's takes", false}};
    conclude(executor, *chosen.primary, ran, true, Judged::worse);
    co_return to_production(std::move(chosen));
}

awaitable<Outcome> Serving::predict(Call call) {
    if (call.chosen.side == Side::candidate) co_return co_await predict_on_trial(std::move(call));
    const auto executor = co_await asio::this_coro::executor;
    const auto absent = call.chosen.absent;
    const bool counted = !call.measured;
    const bool judged = counted && call.chosen.by_traffic;
    auto answered = co_await predict_with_fallback(std::move(call), judged);
    if (absent && counted && !answered.failed) {
        Ran ran{Failure{FailureReason::unavailable, "it cannot be used", false}};
        conclude(executor, *absent, ran, true, Judged::worse);
    }
    co_return std::move(answered.outcome);
}

} // namespace millrace::models
