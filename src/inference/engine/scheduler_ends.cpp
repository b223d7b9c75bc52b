// What ends before its answer: deadlines, withdrawals, and a worker's death.
#include "inference/engine/scheduler.hpp"

#include <boost/range/adaptor/reversed.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace millrace::inference {
namespace {

constexpr int most_losses =
    3; // workers that ended under work which may have been beside the cause each time: then it is blamed
constexpr std::chrono::milliseconds slept_after{500}; // a tick that comes so late says that this process did not run

} // namespace

void Scheduler::withdraw(Engine::Ticket ticket) {
    const auto found = pending_.find(ticket);
    if (found == pending_.end() || found->second.withdrawn) return;
    auto& pending = found->second;
    pending.withdrawn = true;
    if (batcher_.remove(pending.lane, pending.item)) return finish(ticket, withdrawn());
    for (const auto& device : devices_) {
        const auto flight = device->flights.find(pending.batch);
        if (flight != device->flights.end() && !flight->second.withdrawn)
            flight->second.withdrawn = std::chrono::steady_clock::now();
    }
}

Failure Scheduler::withdrawn() { return {FailureReason::cancelled, "it was withdrawn before it was answered", false}; }

void Scheduler::tick() {
    const auto present = std::chrono::steady_clock::now();
    if (const auto late = present - (looked_at_ + tick_period); late > slept_after) forgive(late);
    fail(batcher_.take_expired(present), {FailureReason::timed_out, "its deadline passed while it waited", false});
    // Workers are judged by the time at which this tick was armed: what they had said by then has been read since. By
    // the time of now, an answer that lies in the socket because this thread was kept waiting would count as none.
    const auto at = looked_at_;
    for (const auto& device : devices_) {
        // One a tick: each of them ends the worker.
        if (end_slow_load(*device, at) || end_late_flight(*device, at) || end_withdrawn_flight(*device, at)) continue;
        calm(*device, at);
        let_go(*device);
        load_wanted(*device);
    }
    for (auto* entry : models_.all()) {
        if (entry->own && is_wanted(*entry)) seat(*entry); // all places may have been taken when it came
        tell_load(*entry);
        tell_unload(*entry);
        end_waits(*entry, at);
    }
}

// The daemon was stopped, or its machine was: nobody has used up his time meanwhile.
void Scheduler::forgive(std::chrono::nanoseconds slept) {
    log_.warning("the daemon did not run for a while",
                 {{"milliseconds", static_cast<std::int64_t>(slept / std::chrono::milliseconds{1})}});
    for (const auto& device : devices_) {
        for (auto& [id, flight] : device->flights) {
            flight.deadline += slept;
            if (flight.withdrawn) *flight.withdrawn += slept;
        }
        for (auto& [key, residence] : device->models) residence.load_deadline += slept;
    }
    for (auto* entry : models_.all()) {
        entry->load_deadline += slept;
        entry->leave_deadline += slept;
    }
}

bool Scheduler::end_slow_load(DeviceWorker& device, Monotonic at) {
    const auto is_slow = [&](const auto& each) {
        return each.second.state == Residence::State::loading && each.second.load_deadline <= at;
    };
    const auto slow = std::ranges::find_if(device.models, is_slow);
    if (slow == device.models.end()) return false;
    const auto key = slow->first;
    ended_worker(*models_.find(key), nullptr, "it took too long to load");
    fail(batcher_.take_all(key), {FailureReason::timed_out, "the model took too long to load", true});
    for (auto& done : std::exchange(models_.find(key)->loading, {}))
        done(Error{Code::unprocessable, "the model took too long to load"});
    kill_for(device, *models_.find(key), "loading a model took too long");
    return true;
}

bool Scheduler::end_late_flight(DeviceWorker& device, Monotonic at) {
    const auto late =
        std::ranges::find_if(device.flights, [&](const auto& each) { return each.second.deadline <= at; });
    if (late == device.flights.end()) return false;
    const std::uint64_t id = late->first;
    Flight guilty = std::move(late->second);
    device.flights.erase(late);
    const auto& entry = *models_.find(guilty.model);
    const auto limit = entry.version->manifest->timeout_seconds;
    batcher_.settle(guilty.model, std::exchange(guilty.charged, 0), {limit * 1000, guilty.share, 0});
    kill_for(device, entry, fmt::format("a model ran longer than its {} s", limit));
    // One of several may hang, and the others have only shared its pass: each runs again, alone.
    blame({{id, guilty}},
          {FailureReason::timed_out, fmt::format("the model ran longer than its limit of {} s", limit), true});
    dispatch();
    return true;
}

bool Scheduler::end_withdrawn_flight(DeviceWorker& device, Monotonic at) {
    // The grace runs while the device works for it: what still waits behind another batch holds up nothing.
    const auto is_over = [&](const auto& each) {
        const auto& flight = each.second;
        return flight.withdrawn && flight.begun &&
               at >= std::max(*flight.withdrawn, *flight.begun) + options_.cancel_grace;
    };
    const auto found = std::ranges::find_if(device.flights, is_over);
    if (found == device.flights.end()) return false;
    const Flight ended = std::move(found->second);
    device.flights.erase(found);
    auto& entry = *models_.find(ended.model);
    quarantine_.disturbed({entry.version->organization, entry.version->name, entry.version->version}, at);
    seat(entry); // the next time that it runs on for nobody, nobody else is disturbed
    culprit_known_ = true;
    log_.warning("a model still runs for a withdrawn request", {{"model", models_.find(ended.model)->title()}});
    device.supervisor->replace(
        "a model still ran for a withdrawn request"); // the status shows it to every organisation
    culprit_known_ = false;
    put_back(ended);
    return true;
}

// `why` names no model: the status and the failures of bystanders, who may be of other organisations, quote it. The log
// names it.
void Scheduler::kill_for(DeviceWorker& device, const ModelEntry& entry, const std::string& why) {
    log_.warning("a worker is ended for a model",
                 {{"model", entry.title()}, {"device", device.device}, {"reason", why}});
    culprit_known_ = true;
    device.supervisor->kill(why);
    culprit_known_ = false;
}

// In the order they had, before all others; who has withdrawn is told instead.
void Scheduler::put_back(const Flight& flight) {
    batcher_.settle(flight.model, flight.charged, {}); // charged again when it is sent again
    for (const auto key : boost::adaptors::reverse(flight.items)) {
        auto& pending = pending_.at(key);
        pending.batch = 0;
        if (pending.withdrawn) finish(key, withdrawn());
        else batcher_.put_back(flight.model, pending.item);
    }
}

// One of these did it: the batch on the device, or a model that is being loaded.
void Scheduler::on_denied(DeviceWorker& device, const Denial& denial) {
    std::string running;
    const auto name = [&](Batcher::ModelKey key) {
        running += (running.empty() ? "" : ", ") + models_.find(key)->title();
    };
    for (const auto& [id, flight] : device.flights)
        if (flight.begun) name(flight.model);
    for (const auto& [key, residence] : device.models)
        if (residence.state == Residence::State::loading) name(key);
    denials_.tell(denial, device.supervisor->pid(), running, std::chrono::steady_clock::now());
}

void Scheduler::on_lost(DeviceWorker& device, const std::string& why) {
    const auto flights = std::exchange(device.flights, {});
    const auto models = std::exchange(device.models, {});
    std::vector<ModelEntry*> loading;
    for (const auto& [key, residence] : models)
        if (residence.state == Residence::State::loading) loading.push_back(models_.find(key));
    publish();
    if (culprit_known_ || device.supervisor->ended_for_leftovers())
        for (const auto& [id, flight] : boost::adaptors::reverse(flights)) put_back(flight);
    else find_cause(flights, loading, why, device.supervisor->was_ended_from_outside());
    for (auto* entry : models_.all()) tell_unload(*entry);
    dispatch(); // what was put back may run elsewhere
    arm_tick();
    publish();
}

// What was alone with the worker has ended it. One that somebody else killed says nothing yet: then it is tried again
// like those of which there were several, a few times.
void Scheduler::find_cause(const std::map<std::uint64_t, Flight>& flights, const std::vector<ModelEntry*>& loading,
                           const std::string& why, bool from_outside) {
    if (loading.size() == 1 && flights.empty() && (!from_outside || loading.front()->suspect))
        return blame(*loading.front(), why);
    for (auto* entry : loading) entry->suspect = has_suspects_ = true;
    blame(flights, {FailureReason::worker_lost, "the worker ended: " + why, true}, loading.empty() && !from_outside);
}

// What waited for a model whose loading ended the worker must not have it loaded for ever.
void Scheduler::blame(ModelEntry& loading, const std::string& why) {
    const std::string failure = "the worker ended while it loaded the model: " + why;
    ended_worker(loading, nullptr, failure);
    fail(batcher_.take_all(loading.key), {FailureReason::worker_lost, failure, true});
    for (auto& done : std::exchange(loading.loading, {})) done(Error{Code::unprocessable, failure});
}

// One item alone did it, unless something else may have (`certain` is false). Of many it is not known which: each is
// tried again with nothing beside it, so that the cause is found and the others are answered as if nothing had been.
void Scheduler::blame(const std::map<std::uint64_t, Flight>& flights, const Failure& failure, bool certain) {
    const bool alone = certain && flights.size() == 1 && flights.begin()->second.items.size() == 1;
    for (const auto& [id, flight] : boost::adaptors::reverse(flights)) {
        Flight again = flight;
        again.items.clear();
        std::vector<Batcher::ItemKey> blamed;
        for (const auto key : flight.items) {
            auto& pending = pending_.at(key);
            pending.item.alone = true;
            if (alone || ++pending.losses >= most_losses) blamed.push_back(key);
            else again.items.push_back(key);
        }
        put_back(again);
        models_.find(flight.model)->metrics.failures->add(blamed.size());
        for (const auto key : blamed) ended_worker(*models_.find(flight.model), &pending_.at(key), failure.message);
        fail(blamed, failure);
        if (!again.items.empty()) seat_suspects();
    }
}

void Scheduler::on_unavailable(DeviceWorker& device, const std::string& why) {
    using Role = DeviceWorker::Role;
    const Failure failure{FailureReason::unavailable, "inference is not available: " + why, false};
    if (device.role == Role::own) {
        fail(batcher_.take_all(device.owner), failure);
        tell_load(*models_.find(device.owner));
        return publish();
    }
    if (device.role == Role::suspects) { // they run in the shared worker, as if there were none for them
        suspects_worker_failed_ = true;
        release(device);
        return dispatch();
    }
    // Where there is a device for the case, it is the case now.
    const auto is_shared = [](const auto& each) { return each->role == Role::shared; };
    const bool hope = std::ranges::any_of(devices_, [&](const auto& each) {
        return is_shared(each) && !each->standby && !each->unavailable();
    });
    for (const auto& each : devices_)
        if (!hope && std::exchange(each->standby, false)) {
            log_.warning("falling back", {{"device", each->device}, {"reason", why}});
            each->supervisor->start();
        }
    publish(); // before anyone is told
    if (std::ranges::all_of(devices_, [&](const auto& each) { return !is_shared(each) || each->unavailable(); })) {
        fail(batcher_.take_all(), failure);
        for (auto* entry : models_.all()) tell_load(*entry);
    }
}

} // namespace millrace::inference
