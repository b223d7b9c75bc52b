// What ends before its answer: deadlines, withdrawals, and the worker's death.
#include "inference/scheduler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

namespace millrace::inference {

void Scheduler::withdraw(Engine::Ticket ticket) {
    const auto found = pending_.find(ticket);
    if (found == pending_.end() || found->second.withdrawn) return;
    auto& pending = found->second;
    pending.withdrawn = true;
    if (batcher_.remove(pending.lane, pending.item)) return finish(ticket, withdrawn());
    const auto flight = flights_.find(pending.batch);
    if (flight != flights_.end() && !flight->second.withdrawn) flight->second.withdrawn = std::chrono::steady_clock::now();
}

Failure Scheduler::withdrawn() { return {FailureReason::cancelled, "it was withdrawn before it was answered", false}; }

void Scheduler::tick() {
    const auto at = std::chrono::steady_clock::now();
    fail(batcher_.take_expired(at), {FailureReason::timed_out, "its deadline passed while it waited", false});
    // One a tick: each of them ends the worker.
    if (end_slow_load(at) || end_late_flight(at)) return;
    end_withdrawn_flight(at);
}

bool Scheduler::end_slow_load(Monotonic at) {
    for (auto* entry : models_.all()) {
        if (entry->state != ModelEntry::State::loading || entry->load_deadline > at) continue;
        fail(batcher_.take_all(entry->key), {FailureReason::timed_out, "the model took too long to load", true});
        kill_for(fmt::format("loading {} took too long", entry->title()));
        return true;
    }
    return false;
}

bool Scheduler::end_late_flight(Monotonic at) {
    const auto late = std::ranges::find_if(flights_, [&](const auto& each) { return each.second.deadline <= at; });
    if (late == flights_.end()) return false;
    const Flight guilty = std::move(late->second);
    flights_.erase(late);
    const auto& entry = *models_.find(guilty.model);
    const auto limit = entry.version->manifest->timeout_seconds;
    entry.metrics.failures->add(guilty.items.size());
    kill_for(fmt::format("{} ran longer than its {} s", entry.title(), limit));
    fail(guilty.items, {FailureReason::timed_out, fmt::format("the model ran longer than its limit of {} s", limit), true});
    return true;
}

bool Scheduler::end_withdrawn_flight(Monotonic at) {
    // The grace runs while the device works for it: what still waits behind another batch holds up nothing.
    const auto is_over = [&](const auto& each) {
        const auto& flight = each.second;
        return flight.withdrawn && flight.begun && at >= std::max(*flight.withdrawn, *flight.begun) + options_.cancel_grace;
    };
    const auto found = std::ranges::find_if(flights_, is_over);
    if (found == flights_.end()) return false;
    const Flight ended = std::move(found->second);
    flights_.erase(found);
    culprit_known_ = true;
    supervisor_.replace(fmt::format("{} still ran for a withdrawn request", models_.find(ended.model)->title()));
    culprit_known_ = false;
    put_back(ended);
    return true;
}

void Scheduler::kill_for(const std::string& why) {
    culprit_known_ = true;
    supervisor_.kill(why);
    culprit_known_ = false;
}

// In the order they had, before all others; who has withdrawn is told instead.
void Scheduler::put_back(const Flight& flight) {
    for (const auto key : std::views::reverse(flight.items)) {
        auto& pending = pending_.at(key);
        pending.batch = 0;
        if (pending.withdrawn) finish(key, withdrawn());
        else batcher_.put_back(flight.model, pending.item);
    }
}

// One of these did it: the batch on the device, or a model that is being loaded.
void Scheduler::on_denied(const Denial& denial) {
    std::string running;
    for (const auto& [id, flight] : flights_)
        if (flight.begun) running += (running.empty() ? "" : ", ") + models_.find(flight.model)->title();
    for (const auto* entry : models_.all())
        if (entry->state == ModelEntry::State::loading) running += (running.empty() ? "" : ", ") + entry->title();
    denials_.tell(denial, supervisor_.pid(), running, std::chrono::steady_clock::now());
}

void Scheduler::on_lost(const std::string& why) {
    const auto flights = std::exchange(flights_, {});
    publish();
    for (auto* entry : models_.all()) {
        const bool was_loading = entry->state == ModelEntry::State::loading;
        entry->state = ModelEntry::State::absent;
        batcher_.set_ready(entry->key, false);
        // What waited for a model whose loading may have ended the worker must not have it loaded for ever.
        if (was_loading)
            fail(batcher_.take_all(entry->key),
                 {FailureReason::worker_lost, "the worker ended while it loaded the model: " + why, true});
    }
    for (const auto& [id, flight] : std::views::reverse(flights)) {
        if (culprit_known_) {
            put_back(flight);
            continue;
        }
        models_.find(flight.model)->metrics.failures->add(flight.items.size());
        fail(flight.items, {FailureReason::worker_lost, "the worker ended: " + why, true});
    }
    publish();
}

} // namespace millrace::inference
