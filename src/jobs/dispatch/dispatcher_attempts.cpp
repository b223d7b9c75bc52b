// The states of attempts, and what the end of one means for its lane and its breakers.
#include "events/event_log.hpp"
#include "jobs/dispatcher.hpp"

namespace millrace::jobs {

LiveAttemptPtr Dispatcher::find(const JobId& id) const {
    const auto at = attempts_.find(id);
    return at == attempts_.end() ? nullptr : at->second;
}

bool Dispatcher::step(const LiveAttemptPtr& attempt, AttemptEvent event) {
    const auto to = next(attempt->state, event);
    if (!to) {
        log_.error("an attempt is in a state in which this cannot happen",
                   {{"job", attempt->job.id.text()}, {"state", name(attempt->state)}, {"event", name(event)}});
        return false;
    }
    const bool had_slot = holds_slot(attempt->state);
    attempt->state = *to;
    if (*to == AttemptState::gone || *to == AttemptState::fenced) {
        const auto at = attempts_.find(attempt->job.id);
        if (at != attempts_.end() && at->second == attempt) attempts_.erase(at);
    }
    if (had_slot && !holds_slot(*to)) give_back(attempt->job.lane, attempt->verdict);
    return true;
}

void Dispatcher::give_back(LaneIndex lane, AttemptVerdict verdict) {
    tell_breakers(lane, scheduler_.ended(lane, verdict, now()));
    look_again();
}

void Dispatcher::tell_breakers(LaneIndex index, Scheduler::Changed changed) {
    if (!changed.queue && !changed.resource) return;
    figures_.count_open_breakers();
    const auto& lane = line().at(index);
    const auto tell = [this](const OrganizationId& organization, std::string subject, const values::Breaker& breaker) {
        const auto view = breaker.view(clock_.monotonic());
        const bool open = view.state == values::BreakerView::State::open;
        log_.warning(open ? "circuit breaker opened" : "circuit breaker closed",
                     {{"of", subject}, {"attempts", view.attempts}, {"failures", view.failures}});
        events::post_event(database_, organization, open ? "breaker.opened" : "breaker.closed", std::move(subject),
                           {{"attempts", view.attempts},
                            {"failures", view.failures},
                            {"reopens_in_seconds", static_cast<double>(view.reopens_in.count()) / 1000}},
                           clock_.now());
    };
    if (changed.queue) tell(lane.queue->organization, "queue " + lane.queue->name, lane.queue->breaker);
    if (changed.resource)
        tell(lane.resource->organization, lane.resource->kind + " " + lane.resource->name, lane.resource->breaker);
}

} // namespace millrace::jobs
