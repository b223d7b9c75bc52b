#include "inference/engine/scheduler.hpp"

#include "inference/rendering/rendering.hpp"

#include <fcntl.h>

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

namespace millrace::inference {
namespace {

constexpr std::chrono::seconds decode_allowance{5};    // an image may take 2 s to decode, on a busy machine longer
constexpr std::chrono::minutes longest_wait{10};       // for requests that name no deadline

Monotonic now() { return std::chrono::steady_clock::now(); }

double milliseconds(Monotonic from, Monotonic to) {
    return std::chrono::duration<double, std::milli>(to - from).count();
}

// Rows that are known before anything is decoded.
int rows_of(const Input& input) {
    if (!input.regions.empty()) return static_cast<int>(std::min<std::size_t>(input.regions.size(), 1 << 20));
    const auto first = std::ranges::find_if(input.tensors, [](const Tensor& tensor) { return !tensor.shape.empty(); });
    return first == input.tensors.end() ? 1 : static_cast<int>(std::clamp<std::int64_t>(first->shape.front(), 1, 1 << 20));
}

bool memory_gone(const frame::ItemResult& item) {
    const auto* failure = std::get_if<frame::ItemFailure>(&item.outcome);
    return failure && failure->memory_gone;
}

} // namespace

Scheduler::Scheduler(EngineLoop& loop, const EngineOptions& options, const SpawnOptions& spawn,
                     telemetry::Log& log, telemetry::Metrics& metrics)
    : loop_{loop}, options_{options}, spawn_{spawn}, log_{log}, metrics_{metrics},
      waiting_gauge_{metrics.gauge("millrace_inference_waiting", "Predictions that wait for a batch.")},
      denials_{log, metrics}, models_{metrics}, quarantine_{options.quarantine},
      quarantine_metrics_{&metrics.counter("millrace_quarantines_total", "Times that an input, a model or an organisation was quarantined, or held longer."),
                          &metrics.counter("millrace_quarantine_refused_total", "Predictions that were refused because of a quarantine."),
                          &metrics.gauge("millrace_quarantined", "Inputs, models and organisations in quarantine now.")},
      tick_timer_{loop.context()}, wake_timer_{loop.context()}, own_timer_{loop.context()} {
    const auto& names = options_.devices;
    const bool other_than_cpu = std::ranges::any_of(names, [](const auto& name) { return name != "cpu"; });
    for (const auto& name : names) add_device(name, DeviceWorker::Role::shared).standby = name == "cpu" && other_than_cpu;
}

Supervisor::Events Scheduler::events_of(DeviceWorker& device) {
    Supervisor::Events events;
    events.ready = [this, &device](const frame::Hello&) {
        load_wanted(device);
        publish();
    };
    events.message = [this, &device](frame::ToDaemon message) { on_message(device, std::move(message)); };
    events.denied = [this, &device](const Denial& denial) { on_denied(device, denial); };
    events.work = [this, &device] { return device.work(next_batch_); };
    events.lost = [this, &device](const std::string& why) { on_lost(device, why); };
    events.unavailable = [this, &device](const std::string& why) { on_unavailable(device, why); };
    return events;
}

void Scheduler::on_message(DeviceWorker& device, frame::ToDaemon message) {
    if (auto* done = std::get_if<frame::Done>(&message)) on_done(device, std::move(*done));
    else if (const auto* started = std::get_if<frame::Started>(&message)) on_started(device, *started);
    else if (const auto* loaded = std::get_if<frame::Loaded>(&message)) on_loaded(device, *loaded);
    else if (const auto* unloaded = std::get_if<frame::Unloaded>(&message)) on_unloaded(device, *unloaded);
    else if (const auto* fault = std::get_if<frame::Fault>(&message)) device.supervisor->kill(fault->reason);
}

void Scheduler::start() {
    for (const auto& device : devices_)
        if (!device->standby) device->supervisor->start();
    publish();
}

void Scheduler::stop() {
    stopping_ = true;
    tick_timer_.cancel();
    wake_timer_.cancel();
    own_timer_.cancel();
    const Failure failure{FailureReason::unavailable, "the service is stopping", false};
    for (const auto& device : devices_) device->supervisor->stop();
    fail(batcher_.take_all(), failure);
    for (const auto& device : devices_)
        for (auto& [id, flight] : std::exchange(device->flights, {})) fail(flight.items, failure);
    for (auto* entry : models_.all()) end_waits(*entry, Monotonic::max());
    publish();
}

std::optional<Failure> Scheduler::obstacle(const Request& request) const {
    const auto because = [](FailureReason reason, std::string why) { return Failure{reason, std::move(why), false}; };
    if (stopping_) return because(FailureReason::unavailable, "the service is stopping");
    if (std::ranges::all_of(devices_, [](const auto& each) { return each->unavailable() || each->standby || each->role != DeviceWorker::Role::shared; }))
        return because(FailureReason::unavailable, "inference is not available: " + devices_.front()->supervisor->reason());
    if (batcher_.size() >= options_.queue_capacity)
        return because(FailureReason::unavailable, "too many predictions are waiting; try again");
    const auto& manifest = *request.model->manifest;
    if (request.input.size() > manifest.max_input_bytes)
        return because(FailureReason::bad_input, fmt::format("the input has {} bytes, the model takes at most {}", request.input.size(),
                                                             manifest.max_input_bytes));
    if (rows_of(request.input) > manifest.batching.max_batch)
        return because(FailureReason::bad_input, fmt::format("the input has {} rows, the model takes at most {} at once (max_batch)",
                                                             rows_of(request.input), manifest.batching.max_batch));
    return std::nullopt;
}

ModelEntry& Scheduler::entry_of(const std::shared_ptr<const ModelVersion>& version) {
    bool made = false;
    auto& entry = models_.find_or_add(version, made);
    const auto& batching = version->manifest->batching;
    if (made)
        batcher_.add_model(entry.key, {static_cast<std::size_t>(batching.max_batch),
                                       std::chrono::microseconds{static_cast<std::int64_t>(batching.max_delay_ms * 1000)},
                                       version->manifest->execution.weight});
    return entry;
}

bool Scheduler::takes_at_once(const Request& request) {
    const auto& version = *request.model;
    const auto* entry = models_.find(version);
    if (!entry || entry->own || request.alone || has_suspects_ || version.manifest->isolation == values::Isolation::own ||
        quarantine_.is_troubled({version.organization, version.name, version.version}, now()))
        return false;
    const auto is_shared = [](const auto& each) { return each->ready() && each->role == DeviceWorker::Role::shared; };
    const auto is_missing = [&](const auto& each) { return is_shared(each) && each->state_of(entry->key) != Residence::State::ready; };
    return std::ranges::any_of(devices_, is_shared) && std::ranges::none_of(devices_, is_missing);
}

void Scheduler::predict(Engine::Ticket ticket, Request request, Engine::Done done) {
    if (auto failure = obstacle(request)) {
        statistics_.failed(request.model, failure->reason, 0);
        return done(std::move(*failure));
    }
    Admission admission;
    if (auto failure = quarantined(request, admission)) {
        statistics_.failed(request.model, failure->reason, 0);
        return done(std::move(*failure));
    }
    const auto at = now();
    auto& entry = entry_of(request.model);
    entry.used_at = SystemClock::instance().now();
    const Batcher::Item item{.key = ticket, .priority = request.priority, .arrived = at,
                             .deadline = std::min(request.deadline, at + longest_wait), .alone = request.alone,
                             .file = static_cast<bool>(request.input.file), .rows = static_cast<std::size_t>(rows_of(request.input))};
    batcher_.add(entry.key, item);
    statistics_.waits(*request.model, +1);
    pending_.emplace(ticket, Pending{std::move(request.model), std::move(request.input), std::move(done), entry.key, item, request.raw, {}, 0, false, 0, std::move(admission)});
    seat(entry);
    if (item.alone) seat_suspects();
    for (const auto& device : devices_) load_on(*device, entry);
    dispatch();
    arm_tick();
}

void Scheduler::dispatch() {
    // One batch a device in turn, the least loaded first, so that devices fill evenly.
    for (bool sent = true; sent;) {
        sent = false;
        std::vector<DeviceWorker*> order;
        for (const auto& device : devices_)
            if (device->ready()) order.push_back(device.get());
        std::ranges::stable_sort(order, {}, &DeviceWorker::load);
        for (auto* device : order)
            if (dispatch_to(*device)) {
                sent = true;
                break;
            }
    }
    arm_wake();
    waiting_gauge_.set(static_cast<std::int64_t>(batcher_.size()));
}

bool Scheduler::dispatch_to(DeviceWorker& device) {
    if (must_be_quiet(device)) return false;
    const auto at = now();
    auto batch = batcher_.next(at, [&](Batcher::ModelKey model) { return offer(device, model, at); });
    if (!batch) return false;
    fail(batch->expired, {FailureReason::timed_out, "its deadline passed while it waited", false});
    if (!batch->items.empty()) send(device, *batch);
    return true;
}

// The input is lent to the message, and taken back afterwards. nullopt: no descriptor is free.
std::optional<frame::BatchItem> Scheduler::hand_over(Pending& pending, std::vector<Descriptor>& files) {
    auto& input = pending.input;
    frame::BatchItem item;
    item.media_type = input.media_type;
    item.raw = pending.raw;
    item.regions = input.regions;
    if (!input.tensors.empty()) {
        item.source = frame::Source::tensors;
        for (auto& tensor : input.tensors) item.tensors.push_back({tensor.datatype, tensor.shape, std::move(tensor.bytes), tensor.absent});
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
    for (std::size_t i = 0; i < item.tensors.size(); ++i) pending.input.tensors[i].bytes = std::move(item.tensors[i].bytes);
}

void Scheduler::send(DeviceWorker& device, const Batcher::Batch& batch) {
    const auto at = now();
    const auto id = next_batch_++;
    frame::Batch message{id, batch.model, {}};
    auto& residence = device.models.at(batch.model);
    residence.used_at = device.used_at = at;
    Flight flight{batch.model, {}, at + decode_allowance + time_limit(batch.model), 0, batch.alone,
                  1.0 / std::max(1, residence.report.instances), batch.charged, {}, {}};
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
        if (std::ranges::all_of(message.items, frame::needs_no_decoding)) flight.deadline = at + time_limit(batch.model);
    }
    frame::ToWorker frame{std::move(message)};
    device.supervisor->send(frame, std::move(files));
    auto& items = std::get<frame::Batch>(frame).items;
    for (std::size_t i = 0; i < items.size(); ++i) take_back(pending_.at(flight.items[i]), std::move(items[i]));
    device.flights[id] = std::move(flight);
}

std::chrono::nanoseconds Scheduler::time_limit(Batcher::ModelKey model) {
    return std::chrono::nanoseconds{static_cast<std::int64_t>(models_.find(model)->version->manifest->timeout_seconds * 1e9)};
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

// What was sent after a batch and has not begun may have waited for it: its time begins anew. What has begun has a time of its
// own, whoever else is answered meanwhile: a pass that hangs beside others that go on must be found.
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
    for (std::size_t i = 0; i < flight.items.size(); ++i) answer(entry, done, flight.items[i], std::move(done.items[i]));
    let_go(device);
}

// A model has taken the worker's memory and keeps it, which need not be the one that finds none now. The worker is replaced. What
// found none is run again in another, and fails when it used up that one too, alone.
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
        cost.ms += result.infer_ms * static_cast<double>(rows) / std::max<double>(static_cast<double>(rows), result.batch_size);
        cost.rows += rows;
    }
    return cost;
}

void Scheduler::answer(const ModelEntry& entry, const frame::Done& times, Batcher::ItemKey key, frame::ItemResult result) {
    const auto& pending = pending_.at(key);
    Answered answered{milliseconds(pending.item.arrived, pending.sent), times.decode_ms, result.infer_ms, times.encode_ms,
                      milliseconds(pending.item.arrived, now()), static_cast<int>(pending.item.rows),
                      static_cast<int>(std::max(1u, result.batch_size))};
    entry.metrics.queue->observe(answered.queue_ms / 1000);
    entry.metrics.infer->observe(answered.infer_ms / 1000);
    auto outcome = render(std::move(result), *pending.model, answered, pending.raw);
    (outcome ? entry.metrics.items : entry.metrics.failures)->add();
    if (outcome) statistics_.succeeded(pending.model, answered, SystemClock::instance().now());
    finish(key, std::move(outcome));
}

void Scheduler::arm_tick() {
    if (ticking_ || stopping_) return;
    const auto entries = models_.all();
    const bool waited_for = std::ranges::any_of(entries, [](const auto* entry) { return !entry->loading.empty() || !entry->leaving.empty(); });
    const auto loading = [](const auto& each) { return each.second.state == Residence::State::loading; };
    const bool loads = std::ranges::any_of(devices_, [&](const auto& device) { return std::ranges::any_of(device->models, loading); });
    if (pending_.empty() && !waited_for && !loads) return;
    ticking_ = true;
    looked_at_ = now();
    tick_timer_.expires_at(looked_at_ + tick_period);
    tick_timer_.async_wait(loop_.in_turn([this](const boost::system::error_code& failure) {
        ticking_ = false;
        if (failure || stopping_) return;
        tick();
        dispatch();
        publish();
        arm_tick();
    }));
}

void Scheduler::arm_wake() {
    const auto present = now();
    auto at = batcher_.wake_at(present);
    for (const auto& device : devices_)
        if (const auto lending = batcher_.size() > 0 ? device->next_lending(present) : std::nullopt; lending && (!at || *lending < *at)) at = lending;
    if (!at) return;
    wake_timer_.expires_at(*at);
    wake_timer_.async_wait(loop_.in_turn([this](const boost::system::error_code& failure) {
        if (!failure && !stopping_) dispatch();
    }));
}

void Scheduler::finish(Batcher::ItemKey key, Outcome outcome) {
    auto node = pending_.extract(key);
    if (node.empty()) return;
    auto& pending = node.mapped();
    if (pending.withdrawn) outcome = withdrawn();
    if (pending.admission.probe) end_probe(pending, outcome);
    statistics_.waits(*pending.model, -1);
    if (!outcome) statistics_.failed(pending.model, outcome.error().reason, milliseconds(pending.item.arrived, now()));
    pending.done(std::move(outcome));
}

void Scheduler::fail(const std::vector<Batcher::ItemKey>& keys, const Failure& failure) {
    for (const auto key : keys) finish(key, failure);
}

} // namespace millrace::inference
