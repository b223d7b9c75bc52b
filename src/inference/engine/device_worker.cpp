#include "inference/engine/device_worker.hpp"

#include <algorithm>
#include <ranges>

namespace millrace::inference {
namespace {

// Then others go beside a batch that was to be alone: it may hang. If it ends the worker all the same, each is run
// again alone.
constexpr std::chrono::seconds alone_at_most{1};

} // namespace

CheckReport report_of(const frame::Loaded& loaded) {
    return {.load_ms = loaded.load_ms,
            .warm_up_ms = loaded.warm_up_ms,
            .memory_bytes = loaded.memory_bytes,
            .optimization = loaded.optimization,
            .note = loaded.note,
            .precision = std::string{values::name(loaded.precision)},
            .channels_last = loaded.channels_last,
            .threads = static_cast<int>(loaded.threads),
            .instances = static_cast<int>(loaded.instances)};
}

Residence::State DeviceWorker::state_of(Batcher::ModelKey model) const {
    const auto found = models.find(model);
    return found == models.end() ? Residence::State::absent : found->second.state;
}

bool DeviceWorker::busy_with(Batcher::ModelKey model) const {
    return std::ranges::any_of(flights, [&](const auto& each) { return each.second.model == model; });
}

Work DeviceWorker::work(std::uint64_t next_batch) const {
    const bool moving = std::ranges::any_of(models, [](const auto& each) {
        return each.second.state == Residence::State::loading || each.second.state == Residence::State::leaving;
    });
    return {flights.empty() ? next_batch : flights.begin()->first, next_batch, moving};
}

double DeviceWorker::load() const {
    double sum = 0;
    for (const auto& [id, flight] : flights) sum += flight.share;
    return sum;
}

std::uint64_t DeviceWorker::model_bytes() const {
    std::uint64_t sum = 0;
    for (const auto& [key, each] : models)
        if (each.state != Residence::State::absent && each.state != Residence::State::failed) sum += each.memory_bytes;
    return sum;
}

bool DeviceWorker::lends_places(Batcher::ModelKey model, Monotonic at) const {
    return std::ranges::any_of(flights, [&](const auto& each) {
        const auto& flight = each.second;
        return flight.model == model && flight.begun && at - *flight.begun >= frame::lends_places_after;
    });
}

double DeviceWorker::own_load(Batcher::ModelKey model) const {
    double sum = 0;
    for (const auto& [id, flight] : flights)
        if (flight.model == model) sum += flight.share;
    return sum;
}

double DeviceWorker::load_for(Batcher::ModelKey model, Monotonic at) const {
    double sum = 0;
    for (const auto& [id, flight] : flights)
        if (flight.model == model || !lends_places(flight.model, at)) sum += flight.share;
    return sum;
}

std::optional<Monotonic> DeviceWorker::next_lending(Monotonic at) const {
    std::optional<Monotonic> next;
    for (const auto& [id, flight] : flights) {
        if (!flight.begun) continue;
        const auto lends = *flight.begun + frame::lends_places_after;
        if (lends > at && (!next || lends < *next)) next = lends;
    }
    return next;
}

// One load of batches runs, and as much again is being decoded meanwhile.
Batcher::Room DeviceWorker::room(Batcher::ModelKey model, Monotonic at) const {
    constexpr double once = 1 + 1e-6, twice = 2 + 1e-6;
    const auto found = models.find(model);
    if (found == models.end() || found->second.state != Residence::State::ready || found->second.evicted)
        return Batcher::Room::none;
    if (flights.empty()) return Batcher::Room::idle;
    const auto& last = flights.rbegin()->second;
    if (last.alone && !(last.begun && at - *last.begun >= alone_at_most)) return Batcher::Room::none;
    const double share = 1.0 / std::max(1, found->second.report.instances);
    const double all = load_for(model, at) + share;
    if (all <= once) return Batcher::Room::free;
    if (own_load(model) + share > once) return all > twice ? Batcher::Room::none : Batcher::Room::behind_its_own;
    return all > twice ? Batcher::Room::crowded : Batcher::Room::for_full_batches;
}

} // namespace millrace::inference
