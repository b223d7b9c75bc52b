// A batch on its way: handed to the worker, begun there, and answered.
#include "inference/engine/scheduler.hpp"

#include "inference/rendering/rendering.hpp"

#include <fcntl.h>

#include <algorithm>

namespace millrace::inference {
namespace {

constexpr std::chrono::seconds decode_allowance{5}; // an image may take 2 s to decode, on a busy machine longer

Monotonic now() { return std::chrono::steady_clock::now(); }

double milliseconds(Monotonic from, Monotonic to) {
    return std::chrono::duration<double, std::milli>(to - from).count();
}

bool memory_gone(const frame::ItemResult& item) {
    const auto* failure = std::get_if<frame::ItemFailure>(&item.outcome);
    return failure && failure->memory_gone;
}

} // namespace

// The input is lent to the message, and taken back afterwards. nullopt: no descriptor is free.
std::optional<frame::BatchItem> Scheduler::hand_over(Pending& pending, std::vector<Descriptor>& files) {
    auto& input = pending.input;
    frame::BatchItem item;
    item.media_type = input.media_type;
    item.raw = pending.raw;
    item.regions = input.regions;
    if (!input.tensors.empty()) {
        item.source = frame::Source::tensors;
        for (auto& tensor : input.tensors)
            item.tensors.push_back({tensor.datatype, tensor.shape, std::move(tensor.bytes), tensor.absent});
    } else if (!input.file) {
        item.bytes = std::move(input.bytes);
    } else {
        Descriptor file{::fcntl(input.file.get(), F_DUPFD_CLOEXEC, 0)};
        if (!file) return std::nullopt;
        item.source = frame::Source::descriptor;
        item.size = input.file_size;
        files.push_back(std::move(file));
    }
    return item;
}

void Scheduler::take_back(Pending& pending, frame::BatchItem item) {
    pending.input.bytes = std::move(item.bytes);
    for (std::size_t i = 0; i < item.tensors.size(); ++i)
        pending.input.tensors[i].bytes = std::move(item.tensors[i].bytes);
}

void Scheduler::send(DeviceWorker& device, const Batcher::Batch& batch) {
    const auto at = now();
    const auto id = next_batch_++;
    frame::Batch message{id, batch.model, {}};
    auto& residence = device.models.at(batch.model);
    residence.used_at = device.used_at = at;
    Flight flight{batch.model,
                  {},
                  at + decode_allowance + time_limit(batch.model),
                  0,
                  batch.alone,
                  1.0 / std::max(1, residence.report.instances),
                  batch.charged,
                  {},
                  {}};
    std::vector<Descriptor> files;
    std::vector<Batcher::ItemKey> refused;
    for (const auto key : batch.items) {
        auto& pending = pending_.at(key);
        auto item = hand_over(pending, files);
        (item ? flight.items : refused).push_back(key);
        if (!item) continue;
        pending.sent = at;
        pending.batch = id;
        message.items.push_back(std::move(*item));
    }
    fail(refused, {FailureReason::unavailable, "too many files are open; try again", false});
    if (flight.items.empty()) return batcher_.settle(batch.model, batch.charged, {});
    if (device.flights.empty()) {
        flight.begun = at;
        // The worker says nothing when it begins such a batch: its time runs already.
        if (std::ranges::all_of(message.items, frame::needs_no_decoding))
            flight.deadline = at + time_limit(batch.model);
    }
    frame::ToWorker frame{std::move(message)};
    device.supervisor->send(frame, std::move(files));
    auto& items = std::get<frame::Batch>(frame).items;
    for (std::size_t i = 0; i < items.size(); ++i) take_back(pending_.at(flight.items[i]), std::move(items[i]));
    device.flights[id] = std::move(flight);
}

std::chrono::nanoseconds Scheduler::time_limit(Batcher::ModelKey model) {
    return std::chrono::nanoseconds{
        static_cast<std::int64_t>(models_.find(model)->version->manifest->timeout_seconds * 1e9)};
}

void Scheduler::on_started(DeviceWorker& device, const frame::Started& started) {
    const auto found = device.flights.find(started.batch);
    if (found == device.flights.end()) return;
    auto& flight = found->second;
    const auto at = now();
    // Halved down to single items a batch takes fewer passes than this; a worker that says more wants to run for ever.
    if (++flight.passes <= 2 * flight.items.size()) {
        flight.deadline = at + time_limit(flight.model);
        excuse_the_next(device, started.batch, at);
    }
    if (!flight.begun) flight.begun = at;
}

// What was sent after a batch and has not begun may have waited for it: its time begins anew. What has begun has a time
// of its own, whoever else is answered meanwhile: a pass that hangs beside others that go on must be found.
void Scheduler::excuse_the_next(DeviceWorker& device, std::uint64_t batch, Monotonic at) {
    for (auto next = device.flights.upper_bound(batch); next != device.flights.end(); ++next)
        if (auto& flight = next->second; !flight.begun)
            flight.deadline = std::max(flight.deadline, at + decode_allowance + time_limit(flight.model));
}

void Scheduler::on_done(DeviceWorker& device, frame::Done done) {
    const auto found = device.flights.find(done.batch);
    if (found == device.flights.end() || found->second.items.size() != done.items.size())
        return device.supervisor->kill("it answered for a batch that it was not given");
    const Flight flight = std::move(found->second);
    device.flights.erase(found);
    const auto& entry = *models_.find(flight.model);
    entry.metrics.batches->add();
    batcher_.settle(flight.model, flight.charged, cost_of(flight, done));
    if (std::ranges::any_of(done.items, memory_gone)) return on_exhausted(device, flight, std::move(done));
    // The next batches on their way first: the worker works while the answers are written.
    const auto at = now();
    excuse_the_next(device, done.batch, at);
    if (!device.flights.empty() && !device.flights.begin()->second.begun) device.flights.begin()->second.begun = at;
    dispatch();
    for (std::size_t i = 0; i < flight.items.size(); ++i)
        answer(entry, done, flight.items[i], std::move(done.items[i]));
    let_go(device);
}

// A model has taken the worker's memory and keeps it, which need not be the one that finds none now. The worker is
// replaced. What found none is run again in another, and fails when it used up that one too, alone.
void Scheduler::on_exhausted(DeviceWorker& device, const Flight& flight, frame::Done done) {
    auto& entry = *models_.find(flight.model);
    Flight unserved = flight;
    unserved.items.clear();
    unserved.charged = 0; // it is settled
    std::string why;
    for (std::size_t i = 0; i < flight.items.size(); ++i) {
        if (!memory_gone(done.items[i])) {
            answer(entry, done, flight.items[i], std::move(done.items[i]));
            continue;
        }
        unserved.items.push_back(flight.items[i]);
        why = std::get<frame::ItemFailure>(done.items[i].outcome).message;
    }
    quarantine_.disturbed({entry.version->organization, entry.version->name, entry.version->version}, now());
    seat(entry); // the next time it takes nobody else's
    const bool was_alone = device.role == DeviceWorker::Role::own;
    kill_for(device, entry, "its memory was used up");
    blame({{done.batch, unserved}}, {FailureReason::model_failed, why, true}, was_alone);
    dispatch();
    arm_tick();
}

// Each item answers for its rows of the pass that it was in.
Batcher::Cost Scheduler::cost_of(const Flight& flight, const frame::Done& done) const {
    Batcher::Cost cost{0, flight.share, 0};
    for (std::size_t i = 0; i < flight.items.size(); ++i) {
        const auto rows = pending_.at(flight.items[i]).item.rows;
        const auto& result = done.items[i];
        if (result.batch_size == 0 || result.infer_ms <= 0) continue; // its input was wrong
        cost.ms += result.infer_ms * static_cast<double>(rows) /
                   std::max<double>(static_cast<double>(rows), result.batch_size);
        cost.rows += rows;
    }
    return cost;
}

void Scheduler::answer(const ModelEntry& entry, const frame::Done& times, Batcher::ItemKey key,
                       frame::ItemResult result) {
    const auto& pending = pending_.at(key);
    Answered answered{milliseconds(pending.item.arrived, pending.sent),
                      times.decode_ms,
                      result.infer_ms,
                      times.encode_ms,
                      milliseconds(pending.item.arrived, now()),
                      static_cast<int>(pending.item.rows),
                      static_cast<int>(std::max(1u, result.batch_size))};
    entry.metrics.queue->observe(answered.queue_ms / 1000);
    entry.metrics.infer->observe(answered.infer_ms / 1000);
    auto outcome = render(std::move(result), *pending.model, answered, pending.raw);
    (outcome ? entry.metrics.items : entry.metrics.failures)->add();
    if (outcome) statistics_.succeeded(pending.model, answered, SystemClock::instance().now());
    finish(key, std::move(outcome));
}

} // namespace millrace::inference
