#include "api/queues/queue_json.hpp"

#include "api/jobs/job_input.hpp"

namespace millrace::api {
namespace {

constexpr std::size_t longest_reason = 500;

json::value write_pause(const std::optional<values::Pause>& pause) {
    if (!pause) return nullptr;
    return json::object{{"since", pause->since.text()},
                        {"until", pause->until ? json::value(pause->until->text()) : json::value(nullptr)},
                        {"reason", pause->reason},
                        {"actor", pause->actor}};
}

} // namespace

json::object write_breaker(const values::BreakerView& breaker) {
    json::object object{{"state", breaker.name()}, {"attempts", breaker.attempts}, {"failures", breaker.failures}};
    if (breaker.state == values::BreakerView::State::open)
        object["reopens_in_seconds"] = std::chrono::duration<double>(breaker.reopens_in).count();
    return object;
}

json::object write_ended(const jobs::QueueCounts& counts) {
    using values::JobState;
    json::object ended;
    for (const auto state : {JobState::succeeded, JobState::dead, JobState::cancelled, JobState::expired}) {
        const auto at = counts.ended.find(state);
        ended[values::name(state)] = at == counts.ended.end() ? 0 : at->second;
    }
    return ended;
}

json::object write_queue(const jobs::QueueView& queue) {
    const auto& counts = queue.counts;
    return {{"name", queue.name},
            {"settings", queue.settings.to_json()},
            {"paused", queue.pause.has_value()},
            {"pause", write_pause(queue.pause)},
            {"depth", counts.queued + counts.scheduled + counts.blocked},
            {"queued", counts.queued},
            {"running", counts.running},
            {"scheduled", counts.scheduled},
            {"blocked", counts.blocked},
            {"oldest_age_seconds", counts.oldest_seconds},
            {"mean_run_seconds", counts.mean_run_seconds},
            {"rates",
             {{"started_per_second", counts.started_per_second}, {"finished_per_second", counts.finished_per_second}}},
            {"ended", write_ended(counts)},
            {"breaker", write_breaker(queue.breaker)}};
}

Result<PauseRequest> read_pause(const json::object& object) {
    if (const auto known = only_fields(object, {"reason", "until"}); !known) return known.error();
    auto reason = string_field(object, "reason", longest_reason);
    if (!reason) return reason.error();
    if (!*reason || (*reason)->empty())
        return Error{Code::unprocessable, "\"reason\" is missing: why the queue is paused, for those who find it so"};
    const auto until = time_field(object, "until");
    if (!until) return until.error();
    return PauseRequest{std::move(**reason), *until};
}

} // namespace millrace::api
