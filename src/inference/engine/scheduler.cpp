// What comes to the scheduler, and which batch goes to which device. The other parts: scheduler_flights.cpp,
// scheduler_ends.cpp, scheduler_models.cpp, scheduler_own.cpp, scheduler_quarantine.cpp, scheduler_view.cpp.
#include "inference/engine/scheduler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

namespace millrace::inference {
namespace {

constexpr std::chrono::minutes longest_wait{10}; // for requests that name no deadline

Monotonic now() { return std::chrono::steady_clock::now(); }

double milliseconds(Monotonic from, Monotonic to) {
    return std::chrono::duration<double, std::milli>(to - from).count();
}

// Rows that are known before anything is decoded.
int rows_of(const Input& input) {
    if (!input.regions.empty()) return static_cast<int>(std::min<std::size_t>(input.regions.size(), 1 << 20));
    const auto first = std::ranges::find_if(input.tensors, [](const Tensor& tensor) { return !tensor.shape.empty(); });
    return first == input.tensors.end() ? 1
                                        : static_cast<int>(std::clamp<std::int64_t>(first->shape.front(), 1, 1 << 20));
}

} // namespace

Scheduler::Scheduler(EngineLoop& loop, const EngineOptions& options, const SpawnOptions& spawn, telemetry::Log& log,
                     telemetry::Metrics& metrics)
    : loop_{loop},
      options_{options},
      spawn_{spawn},
      log_{log},
      metrics_{metrics},
      waiting_gauge_{metrics.gauge("millrace_inference_waiting", "Predictions that wait for a batch.")},
      denials_{log, metrics},
      models_{metrics},
      quarantine_{options.quarantine},
      quarantine_metrics_{
          &metrics.counter("millrace_quarantines_total",
                           "Times that an input, a model or an organisation was quarantined, or held longer."),
          &metrics.counter("millrace_quarantine_refused_total",
                           "Predictions that were refused because of a quarantine."),
          &metrics.gauge("millrace_quarantined", "Inputs, models and organisations in quarantine now.")},
      tick_timer_{loop.context()},
      wake_timer_{loop.context()},
      own_timer_{loop.context()} {
    const auto& names = options_.devices;
    const bool other_than_cpu = std::ranges::any_of(names, [](const auto& name) { return name != "cpu"; });
    for (const auto& name : names)
        add_device(name, DeviceWorker::Role::shared).standby = name == "cpu" && other_than_cpu;
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
    if (std::ranges::all_of(devices_, [](const auto& each) {
            return each->unavailable() || each->standby || each->role != DeviceWorker::Role::shared;
        }))
        return because(FailureReason::unavailable,
                       "inference is not available: " + devices_.front()->supervisor->reason());
    if (batcher_.size() >= options_.queue_capacity)
        return because(FailureReason::unavailable, "too many predictions are waiting; try again");
    const auto& manifest = *request.model->manifest;
    if (request.input.size() > manifest.max_input_bytes)
        return because(FailureReason::bad_input, fmt::format("the input has {} bytes, the model takes at most {}",
                                                             request.input.size(), manifest.max_input_bytes));
    if (rows_of(request.input) > manifest.batching.max_batch)
        return because(FailureReason::bad_input,
                       fmt::format("the input has {} rows, the model takes at most {} at once (max_batch)",
                                   rows_of(request.input), manifest.batching.max_batch));
    return std::nullopt;
}

ModelEntry& Scheduler::entry_of(const std::shared_ptr<const ModelVersion>& version) {
    bool made = false;
    auto& entry = models_.find_or_add(version, made);
    const auto& batching = version->manifest->batching;
    if (made)
        batcher_.add_model(entry.key,
                           {static_cast<std::size_t>(batching.max_batch),
                            std::chrono::microseconds{static_cast<std::int64_t>(batching.max_delay_ms * 1000)},
                            version->manifest->execution.weight});
    return entry;
}

bool Scheduler::takes_at_once(const Request& request) {
    const auto& version = *request.model;
    const auto* entry = models_.find(version);
    if (!entry || entry->own || request.alone || has_suspects_ ||
        version.manifest->isolation == values::Isolation::own ||
        quarantine_.is_troubled({version.organization, version.name, version.version}, now()))
        return false;
    const auto is_shared = [](const auto& each) { return each->ready() && each->role == DeviceWorker::Role::shared; };
    const auto is_missing = [&](const auto& each) {
        return is_shared(each) && each->state_of(entry->key) != Residence::State::ready;
    };
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
    const Batcher::Item item{.key = ticket,
                             .priority = request.priority,
                             .arrived = at,
                             .deadline = std::min(request.deadline, at + longest_wait),
                             .alone = request.alone,
                             .file = static_cast<bool>(request.input.file),
                             .rows = static_cast<std::size_t>(rows_of(request.input))};
    batcher_.add(entry.key, item);
    statistics_.waits(*request.model, +1);
    pending_.emplace(ticket, Pending{std::move(request.model),
                                     std::move(request.input),
                                     std::move(done),
                                     entry.key,
                                     item,
                                     request.raw,
                                     {},
                                     0,
                                     false,
                                     0,
                                     std::move(admission)});
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

void Scheduler::arm_tick() {
    if (ticking_ || stopping_) return;
    const auto entries = models_.all();
    const bool waited_for = std::ranges::any_of(entries, [](const auto* entry) {
        return !entry->loading.empty() || !entry->leaving.empty();
    });
    const auto loading = [](const auto& each) { return each.second.state == Residence::State::loading; };
    const bool loads =
        std::ranges::any_of(devices_, [&](const auto& device) { return std::ranges::any_of(device->models, loading); });
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
        if (const auto lending = batcher_.size() > 0 ? device->next_lending(present) : std::nullopt;
            lending && (!at || *lending < *at))
            at = lending;
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
