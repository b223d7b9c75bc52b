#include "inference/scheduler.hpp"

#include "inference/rendering.hpp"

#include <fcntl.h>

#include <fmt/format.h>

#include <algorithm>

namespace millrace::inference {
namespace {

constexpr std::chrono::milliseconds tick_period{50};
constexpr std::chrono::seconds decode_allowance{5};    // an image may take 2 s to decode, on a busy machine longer
constexpr std::chrono::seconds load_failure_lasts{10}; // before a model that could not be loaded is tried again
constexpr std::chrono::minutes longest_wait{10};       // for requests that name no deadline

Monotonic now() { return std::chrono::steady_clock::now(); }

double milliseconds(Monotonic from, Monotonic to) {
    return std::chrono::duration<double, std::milli>(to - from).count();
}

SupervisorOptions supervisor_options(const EngineOptions& o, const SpawnOptions& spawn) {
    return {spawn, o.start_timeout, o.heartbeat_timeout, o.first_backoff, o.longest_backoff};
}

} // namespace

Scheduler::Scheduler(boost::asio::io_context& context, const EngineOptions& options, const SpawnOptions& spawn,
                     telemetry::Log& log, telemetry::Metrics& metrics)
    : options_{options}, log_{log},
      waiting_gauge_{metrics.gauge("millrace_inference_waiting", "Predictions that wait for a batch.")},
      denials_{log, metrics}, models_{metrics}, tick_timer_{context}, wake_timer_{context},
      supervisor_{context, supervisor_options(options, spawn), log, metrics, supervisor_events()} {}

Supervisor::Events Scheduler::supervisor_events() {
    Supervisor::Events events;
    events.ready = [this](const frame::Hello&) {
        for (auto* entry : models_.all())
            if (batcher_.waiting(entry->key) > 0) load(*entry);
        publish();
    };
    events.message = [this](frame::ToDaemon message) {
        if (auto* done = std::get_if<frame::Done>(&message)) on_done(std::move(*done));
        else if (const auto* started = std::get_if<frame::Started>(&message)) on_started(*started);
        else if (const auto* loaded = std::get_if<frame::Loaded>(&message)) on_loaded(*loaded);
    };
    events.denied = [this](const Denial& denial) { on_denied(denial); };
    events.lost = [this](const std::string& why) { on_lost(why); };
    events.unavailable = [this](const std::string& why) {
        publish(); // before anyone is told
        fail(batcher_.take_all(), {FailureReason::unavailable, "inference is not available: " + why, false});
    };
    return events;
}

void Scheduler::start() {
    supervisor_.start();
    publish();
}

void Scheduler::stop() {
    stopping_ = true;
    tick_timer_.cancel();
    wake_timer_.cancel();
    supervisor_.stop();
    const Failure failure{FailureReason::unavailable, "the service is stopping", false};
    fail(batcher_.take_all(), failure);
    for (auto& [id, flight] : std::exchange(flights_, {})) fail(flight.items, failure);
    publish();
}

void Scheduler::predict(Engine::Ticket ticket, Request request, Engine::Done done) {
    const auto refuse = [&](FailureReason reason, std::string why) { done(Failure{reason, std::move(why), false}); };
    if (stopping_) return refuse(FailureReason::unavailable, "the service is stopping");
    if (supervisor_.state() == Supervisor::State::unavailable)
        return refuse(FailureReason::unavailable, "inference is not available: " + supervisor_.reason());
    if (batcher_.size() >= options_.queue_capacity)
        return refuse(FailureReason::unavailable, "too many predictions are waiting; try again");
    if (request.input.size() > request.model->manifest->max_input_bytes)
        return refuse(FailureReason::bad_input,
                      fmt::format("the input has {} bytes, the model takes at most {}", request.input.size(),
                                  request.model->manifest->max_input_bytes));
    const auto at = now();
    bool made = false;
    auto& entry = models_.find_or_add(request.model, made);
    const auto& manifest = *entry.version->manifest;
    if (made)
        batcher_.add_model(entry.key,
                           {static_cast<std::size_t>(manifest.batching.max_batch),
                            std::chrono::microseconds{static_cast<std::int64_t>(manifest.batching.max_delay_ms * 1000)}});
    if (entry.state == ModelEntry::State::failed && at - entry.failed_at < load_failure_lasts) {
        entry.metrics.failures->add();
        return refuse(FailureReason::model_failed, entry.error);
    }
    const Batcher::Item item{ticket, request.priority, at, std::min(request.deadline, at + longest_wait), request.alone,
                             static_cast<bool>(request.input.file)};
    batcher_.add(entry.key, item);
    pending_.emplace(ticket, Pending{std::move(request.model), std::move(request.input), std::move(done), entry.key, item, {}});
    if (entry.state == ModelEntry::State::absent || entry.state == ModelEntry::State::failed) load(entry);
    dispatch();
    arm_tick();
}

void Scheduler::load(ModelEntry& entry) {
    if (supervisor_.state() != Supervisor::State::ready || entry.state == ModelEntry::State::loading)
        return; // asked again when it is ready
    Descriptor file{::open(entry.version->file.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!file)
        return on_loaded(
            {.model = entry.key, .error = "the model's file cannot be opened", .optimization = {}, .note = {}, .precision = {}});
    entry.state = ModelEntry::State::loading;
    entry.load_deadline = now() + options_.load_timeout;
    std::vector<Descriptor> descriptors;
    descriptors.push_back(std::move(file));
    supervisor_.send(frame::Load{entry.key, entry.version->sha256, json::serialize(entry.version->manifest->to_json())},
                     std::move(descriptors));
    arm_tick();
}

void Scheduler::on_loaded(const frame::Loaded& loaded) {
    auto* entry = models_.find(loaded.model);
    if (!entry) return;
    if (!loaded.error.empty()) {
        entry->state = ModelEntry::State::failed;
        entry->error = loaded.error;
        entry->failed_at = now();
        log_.error("model not loaded", {{"model", entry->title()}, {"reason", loaded.error}});
        fail(batcher_.take_all(entry->key), {FailureReason::model_failed, loaded.error, false});
    } else {
        entry->state = ModelEntry::State::ready;
        batcher_.set_ready(entry->key, true);
        log_.info("model loaded", {{"model", entry->title()},
                                   {"load_ms", loaded.load_ms},
                                   {"forward_ms", loaded.warm_up_ms},
                                   {"memory_bytes", loaded.memory_bytes},
                                   {"form", loaded.optimization},
                                   {"note", loaded.note}});
    }
    dispatch();
    publish();
}

bool Scheduler::has_free_slot() const {
    if (flights_.size() >= static_cast<std::size_t>(options_.batches_in_flight)) return false;
    return flights_.empty() || !flights_.rbegin()->second.alone;
}

void Scheduler::dispatch() {
    if (supervisor_.state() != Supervisor::State::ready) return;
    while (has_free_slot()) {
        auto batch = batcher_.next(now(), !flights_.empty());
        if (!batch) break;
        fail(batch->expired, {FailureReason::timed_out, "its deadline passed while it waited", false});
        if (!batch->items.empty()) send(*batch);
    }
    arm_wake();
    waiting_gauge_.set(static_cast<std::int64_t>(batcher_.size()));
}

// The inline bytes are lent to the message, and taken back by send(). nullopt: no descriptor is free.
std::optional<frame::BatchItem> Scheduler::hand_over(Input& input, std::vector<Descriptor>& files) {
    frame::BatchItem item;
    item.media_type = input.media_type;
    if (!input.file) {
        item.bytes = std::move(input.bytes);
        return item;
    }
    Descriptor file{::fcntl(input.file.get(), F_DUPFD_CLOEXEC, 0)};
    if (!file) return std::nullopt;
    item.source = frame::Source::descriptor;
    item.size = input.file_size;
    files.push_back(std::move(file));
    return item;
}

void Scheduler::send(const Batcher::Batch& batch) {
    const auto at = now();
    const auto id = next_batch_++;
    frame::Batch message{id, batch.model, {}};
    Flight flight{batch.model, {}, at + decode_allowance + time_limit(batch.model), batch.alone, {}, {}};
    std::vector<Descriptor> files;
    std::vector<Batcher::ItemKey> refused;
    for (const auto key : batch.items) {
        auto& pending = pending_.at(key);
        auto item = hand_over(pending.input, files);
        (item ? flight.items : refused).push_back(key);
        if (!item) continue;
        pending.sent = at;
        pending.batch = id;
        message.items.push_back(std::move(*item));
    }
    fail(refused, {FailureReason::unavailable, "too many files are open; try again", false});
    if (flight.items.empty()) return;
    frame::ToWorker frame{std::move(message)};
    supervisor_.send(frame, std::move(files));
    auto& items = std::get<frame::Batch>(frame).items;
    for (std::size_t i = 0; i < items.size(); ++i) pending_.at(flight.items[i]).input.bytes = std::move(items[i].bytes);
    if (flights_.empty()) flight.begun = at;
    flights_[id] = std::move(flight);
}

std::chrono::nanoseconds Scheduler::time_limit(Batcher::ModelKey model) {
    return std::chrono::nanoseconds{static_cast<std::int64_t>(models_.find(model)->version->manifest->timeout_seconds * 1e9)};
}

void Scheduler::on_started(const frame::Started& started) {
    const auto found = flights_.find(started.batch);
    if (found == flights_.end()) return;
    auto& flight = found->second;
    const auto at = now();
    flight.deadline = at + time_limit(flight.model);
    if (!flight.begun) flight.begun = at;
}

void Scheduler::on_done(frame::Done done) {
    const auto found = flights_.find(done.batch);
    if (found == flights_.end() || found->second.items.size() != done.items.size())
        return supervisor_.kill("it answered for a batch that it was not given");
    const Flight flight = std::move(found->second);
    flights_.erase(found);
    const auto& entry = *models_.find(flight.model);
    entry.metrics.batches->add();
    // The next batches on their way first: the worker works while the answers are written. The ones in line
    // have waited for this batch, and their time begins now.
    const auto at = now();
    for (auto& [id, other] : flights_) other.deadline = std::max(other.deadline, at + decode_allowance + time_limit(other.model));
    if (!flights_.empty() && !flights_.begin()->second.begun) flights_.begin()->second.begun = at;
    dispatch();
    for (std::size_t i = 0; i < flight.items.size(); ++i) {
        const auto& pending = pending_.at(flight.items[i]);
        const double queue_ms = milliseconds(pending.item.arrived, pending.sent);
        entry.metrics.queue->observe(queue_ms / 1000);
        entry.metrics.infer->observe(done.items[i].infer_ms / 1000);
        auto outcome = render(std::move(done.items[i]), *pending.model, queue_ms);
        (outcome ? entry.metrics.items : entry.metrics.failures)->add();
        finish(flight.items[i], std::move(outcome));
    }
}

void Scheduler::arm_tick() {
    if (ticking_ || stopping_) return;
    const auto entries = models_.all();
    const bool loading = std::any_of(entries.begin(), entries.end(),
                                     [](const auto* entry) { return entry->state == ModelEntry::State::loading; });
    if (pending_.empty() && !loading) return;
    ticking_ = true;
    tick_timer_.expires_after(tick_period);
    tick_timer_.async_wait([this](const boost::system::error_code& failure) {
        ticking_ = false;
        if (failure || stopping_) return;
        tick();
        dispatch();
        publish();
        arm_tick();
    });
}

void Scheduler::arm_wake() {
    if (!has_free_slot()) return;
    const auto at = batcher_.wake_at(now());
    if (!at) return;
    wake_timer_.expires_at(*at);
    wake_timer_.async_wait([this](const boost::system::error_code& failure) {
        if (!failure && !stopping_) dispatch();
    });
}

void Scheduler::finish(Batcher::ItemKey key, Outcome outcome) {
    auto node = pending_.extract(key);
    if (node.empty()) return;
    if (node.mapped().withdrawn) outcome = withdrawn();
    node.mapped().done(std::move(outcome));
}

void Scheduler::fail(const std::vector<Batcher::ItemKey>& keys, const Failure& failure) {
    for (const auto key : keys) finish(key, failure);
}

void Scheduler::forget(const std::string& sha256) {
    for (auto* entry : models_.all()) {
        if (entry->version->sha256 != sha256 || entry->state == ModelEntry::State::absent) continue;
        supervisor_.send(frame::Unload{entry->key});
        entry->state = ModelEntry::State::absent;
        batcher_.set_ready(entry->key, false);
        if (batcher_.waiting(entry->key) > 0) load(*entry);
    }
    publish();
}

void Scheduler::publish() {
    WorkerStatus status;
    status.state = name(supervisor_.state());
    status.pid = supervisor_.pid();
    status.restarts = supervisor_.restarts();
    status.runtime = supervisor_.hello().runtime;
    if (!supervisor_.hello().device.empty()) status.device = supervisor_.hello().device;
    status.threads = static_cast<int>(supervisor_.hello().threads);
    status.sandbox = supervisor_.hello().sandbox;
    status.in_flight = pending_.size() - batcher_.size();
    status.queued = batcher_.size();
    status.models = models_.ready_titles();
    status.reason = supervisor_.reason();
    *status_.lock() = std::move(status);
}

WorkerStatus Scheduler::status() const { return *status_.lock(); }

} // namespace millrace::inference
