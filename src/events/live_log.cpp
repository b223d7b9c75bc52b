#include "events/live_log.hpp"

#include "events/live_seat.hpp"

#include <fmt/format.h>

namespace millrace::events {
namespace {

constexpr std::chrono::seconds remembered{60}; // after the last follower has gone
constexpr std::size_t overhead = 256;          // of an entry, roughly

std::size_t bytes_of(const LiveEntry& entry) {
    return overhead + entry.type.size() + entry.subject.size() + entry.queue.size() + entry.text.size();
}

} // namespace

LiveLog::LiveLog(std::string epoch, LiveLogSize size) : epoch_{std::move(epoch)}, size_{size} {}

void LiveLog::State::drop_oldest() {
    bytes -= bytes_of(*entries.front());
    entries.pop_front();
    ++first;
}

unsigned LiveLog::State::demand() const {
    return (keeps_states ? states : 0u) | (broad_progress > 0 ? progress : 0u) | (of_changes > 0 ? changes : 0u) |
           (of_status > 0 ? status : 0u) | (of_jobs.empty() ? 0u : single);
}

bool LiveLog::wants_state(const JobId& job) {
    const auto demand = demand_.load(std::memory_order_relaxed);
    if ((demand & states) != 0) return true;
    return (demand & single) != 0 && state_.lock()->of_jobs.contains(job);
}

bool LiveLog::wants_progress(const JobId& job) {
    const auto demand = demand_.load(std::memory_order_relaxed);
    if ((demand & progress) != 0) return true;
    return (demand & single) != 0 && state_.lock()->of_jobs.contains(job);
}

bool LiveLog::wants(std::string_view sample) const {
    return (demand_.load(std::memory_order_relaxed) & (sample == jobs_changed ? changes : status)) != 0;
}

void LiveLog::append(std::vector<LiveEntry> entries) {
    Woken woken;
    {
        auto state = state_.lock();
        for (auto& entry : entries) {
            const auto position = state->next();
            if (entry.number > 0) state->last_number = std::max(state->last_number, entry.number);
            entry.text =
                fmt::format("id: {}\nevent: {}\ndata: {}\n\n",
                            LivePlace{state->last_number, epoch_, position + 1}.text(), entry.type, entry.data);
            entry.data = {};
            state->bytes += bytes_of(entry);
            state->entries.push_back(std::make_shared<const LiveEntry>(std::move(entry)));
            note(*state, state->entries.back(), position, woken);
        }
        while (!state->entries.empty() && (state->entries.size() > size_.entries || state->bytes > size_.bytes))
            state->drop_oldest();
    }
    tell(woken);
}

void LiveLog::leave_out() {
    Woken woken;
    {
        auto state = state_.lock();
        while (!state->entries.empty()) state->drop_oldest();
        ++state->first; // so that nobody's place is the log's end
        for (const auto& seat : state->seats)
            if (seat->waits) wake(*state, seat, 0, woken);
    }
    tell(woken);
}

// Whoever waits for this entry, found without a look at those who do not.
void LiveLog::note(State& state, const LiveEntryPtr& entry, std::uint64_t position, Woken& woken) {
    const auto look = [&](const SeatPtr& seat) {
        if (seat->waits && seat->filter.takes(*entry)) wake(state, seat, position, woken);
    };
    const auto look_at = [&](const auto& index, const auto& key) {
        if (index.empty()) return;
        const auto [first, last] = index.equal_range(key);
        for (auto at = first; at != last; ++at) look(at->second);
    };
    const bool sample = entry->kind == LiveEntry::Kind::sample;
    if (entry->job) look_at(state.of_jobs, *entry->job);
    if (!sample) look_at(state.of_queues, entry->queue);
    if (!sample && state.waiting[static_cast<std::size_t>(entry->kind)] == 0) return;
    for (const auto& seat : state.seats)
        if (sample || seat->is_broad()) look(seat);
}

void LiveLog::set_waits(State& state, Seat& seat, bool waits) {
    if (std::exchange(seat.waits, waits) == waits || !seat.is_broad()) return;
    for (std::size_t kind = 0; kind < state.waiting.size(); ++kind)
        if (seat.takes(static_cast<LiveEntry::Kind>(kind))) waits ? ++state.waiting[kind] : --state.waiting[kind];
}

void LiveLog::wake(State& state, const SeatPtr& seat, std::uint64_t position, Woken& woken) {
    set_waits(state, *seat, false);
    seat->position = position;
    seat->number = state.last_number;
    woken.push_back(seat);
}

void LiveLog::tell(const Woken& woken) {
    for (const auto& seat : woken)
        asio::post(seat->executor, [seat] {
            seat->woken = true;
            seat->timer.cancel();
        });
}

void LiveLog::close() {
    Woken woken;
    {
        auto state = state_.lock();
        state->closed = true;
        for (const auto& seat : state->seats) woken.push_back(seat);
    }
    tell(woken);
}

bool LiveLog::knows_last_number() { return state_.lock()->last_number >= 0; }

void LiveLog::set_last_number(std::int64_t last) {
    auto state = state_.lock();
    state->last_number = std::max(state->last_number, last);
}

bool LiveLog::tidy(Monotonic now) {
    auto state = state_.lock();
    if (state->broad_states > 0) state->states_until = now + remembered;
    else if (state->states_until <= now) state->keeps_states = false;
    if (!state->seats.empty()) state->empty_since = now;
    demand_ = state->demand();
    return state->seats.empty() && now - state->empty_since >= remembered;
}

void LiveLog::add(const SeatPtr& seat) {
    auto state = state_.lock();
    seat->index = state->seats.size();
    state->seats.push_back(seat);
    const auto& filter = seat->filter;
    if (filter.jobs) {
        for (const auto& job : *filter.jobs) state->of_jobs.emplace(job, seat);
    } else {
        if (!filter.queue.empty()) state->of_queues.emplace(filter.queue, seat);
        state->broad_progress += filter.takes_type(job_progress);
        if (filter.takes_type(job_state)) {
            ++state->broad_states;
            if (!std::exchange(state->keeps_states, true)) state->recorded = state->next();
        }
    }
    state->of_changes += filter.takes_type(jobs_changed);
    state->of_status += filter.takes_type(service_status);
    state->states_until = std::max(state->states_until, std::chrono::steady_clock::now() + remembered);
    demand_ = state->demand();
    seat->position = state->next();
    seat->number = state->last_number;
}

void LiveLog::remove(const SeatPtr& seat) {
    auto state = state_.lock();
    const auto& filter = seat->filter;
    set_waits(*state, *seat, false);
    std::swap(state->seats[seat->index], state->seats.back());
    state->seats[seat->index]->index = seat->index;
    state->seats.pop_back();
    const auto take_out = [&](auto& map, const auto& key) {
        const auto [first, last] = map.equal_range(key);
        for (auto at = first; at != last; ++at)
            if (at->second == seat) {
                map.erase(at);
                return;
            }
    };
    if (filter.jobs) {
        for (const auto& job : *filter.jobs) take_out(state->of_jobs, job);
    } else {
        if (!filter.queue.empty()) take_out(state->of_queues, filter.queue);
        state->broad_progress -= filter.takes_type(job_progress);
        state->broad_states -= filter.takes_type(job_state);
    }
    state->empty_since = std::chrono::steady_clock::now();
    state->of_changes -= filter.takes_type(jobs_changed);
    state->of_status -= filter.takes_type(service_status);
    demand_ = state->demand();
}

} // namespace millrace::events
