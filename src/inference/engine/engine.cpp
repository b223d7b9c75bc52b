#include "inference/engine.hpp"

#include "async/io_pool.hpp"
#include "inference/engine/scheduler.hpp"
#include "inference/engine/trials.hpp"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include <unistd.h>

#include <algorithm>
#include <atomic>

namespace millrace::inference {
namespace {

SpawnOptions spawn_options(const EngineOptions& options) {
    const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    const auto machine =
        static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    SpawnOptions spawn;
    spawn.executable = options.executable;
    spawn.runtime = options.runtime.empty() ? find_runtime() : options.runtime;
    spawn.threads = options.threads > 0 ? options.threads : cores;
    spawn.decode_threads = options.decode_threads > 0 ? options.decode_threads : cores;
    spawn.memory_limit = options.memory_limit > 0 ? options.memory_limit : machine / 4 * 3;
    spawn.gives_memory_back = options.memory_limit > 0;
    if (!options.enabled) spawn.obstacle = "inference is switched off (inference.enabled = false)";
    else if (spawn.runtime.empty()) spawn.obstacle = "no runtime module (libmillrace_torch.so) is installed";
    return spawn;
}

} // namespace

class Engine::Core {
public:
    Core(EngineOptions options, telemetry::Log& log, telemetry::Metrics& metrics)
        : options_{std::move(options)},
          spawn_{spawn_options(options_)},
          scheduler_{loop_, options_, spawn_, log, metrics},
          trials_{loop_, spawn_, options_, scheduler_.denials(), log} {}

    void start() {
        thread_ = std::thread{[this] {
            async::name_this_thread("engine");
            loop_.post([this] { scheduler_.start(); });
            const auto work = boost::asio::make_work_guard(loop_.context());
            loop_.context().run();
        }};
    }

    void stop() {
        if (thread_.joinable()) end_thread();
        else {
            const auto turn = loop_.take(); // never started, or stopped before
            end_work();
        }
        *open_.lock() = false;
        loop_.context().restart();
        loop_.context().poll(); // what was posted meanwhile is answered, too
    }

    void end_thread() {
        loop_.post([this] {
            end_work();
            // One more turn, so that what was posted before is answered.
            loop_.post([this] { loop_.context().stop(); });
        });
        thread_.join();
    }

    Ticket predict(Request request, Done done) {
        const auto ticket = next_ticket_.fetch_add(1, std::memory_order_relaxed);
        // Here and now where that is short, else on the engine's thread: a change of threads takes longer than all of
        // it.
        if (const auto turn = loop_.try_take(); turn && scheduler_.takes_at_once(request)) {
            scheduler_.predict(ticket, std::move(request), std::move(done));
            return ticket;
        }
        if (auto open = open_.lock(); *open) {
            loop_.post([this, ticket, request = std::move(request), done = std::move(done)]() mutable {
                scheduler_.predict(ticket, std::move(request), std::move(done));
            });
            return ticket;
        }
        done(Failure{FailureReason::unavailable, "the service is stopping", false});
        return ticket;
    }

    void withdraw(Ticket ticket) {
        auto open = open_.lock();
        if (!*open) return; // stop() has answered it
        loop_.post(
            [this, ticket] { scheduler_.withdraw(ticket); }); // after its predict(), which was posted before or is over
    }

    void check(std::shared_ptr<const ModelVersion> model, CheckDone done) {
        if (auto open = open_.lock(); *open) {
            loop_.post([this, model = std::move(model), done = std::move(done)]() mutable {
                trials_.add(std::move(model), std::move(done));
            });
            return;
        }
        done(Error{Code::unavailable, "the service is stopping"});
    }

    void load(std::shared_ptr<const ModelVersion> model, ModelEntry::LoadDone done) {
        auto open = open_.lock();
        if (!*open) return done(Error{Code::unavailable, "the service is stopping"});
        loop_.post([this, model = std::move(model), done = std::move(done)]() mutable {
            scheduler_.load(model, std::move(done));
        });
    }

    void unload(std::shared_ptr<const ModelVersion> model, ModelEntry::UnloadDone done) {
        auto open = open_.lock();
        if (!*open) return done(millrace::success());
        loop_.post([this, model = std::move(model), done = std::move(done)]() mutable {
            scheduler_.unload(model, std::move(done));
        });
    }

    WorkerStatus status() const { return scheduler_.status(); }
    std::vector<LoadedModel> models() const { return scheduler_.models(); }
    Statistics& statistics() { return scheduler_.statistics(); }

private:
    void end_work() {
        trials_.stop();
        scheduler_.stop();
    }

    EngineOptions options_;
    SpawnOptions spawn_;
    EngineLoop loop_;
    Scheduler scheduler_;
    Trials trials_;
    async::Guarded<bool> open_{true}; // may work be posted?
    std::atomic<Ticket> next_ticket_{1};
    std::thread thread_;
};

Engine::Engine(EngineOptions options, telemetry::Log& log, telemetry::Metrics& metrics)
    : core_{std::make_unique<Core>(std::move(options), log, metrics)} {}
Engine::~Engine() { stop(); }

void Engine::start() { core_->start(); }
void Engine::stop() { core_->stop(); }
std::vector<LoadedModel> Engine::models() const { return core_->models(); }
std::vector<ModelStatistics> Engine::statistics() const { return core_->statistics().all(); }
void Engine::count_cache(const std::shared_ptr<const ModelVersion>& model, bool hit, std::chrono::nanoseconds took) {
    core_->statistics().cached(model, hit, took);
}
Engine::Ticket Engine::predict(Request request, Done done) {
    return core_->predict(std::move(request), std::move(done));
}
void Engine::withdraw(Ticket ticket) { core_->withdraw(ticket); }
void Engine::check(std::shared_ptr<const ModelVersion> model, CheckDone done) {
    core_->check(std::move(model), std::move(done));
}
void Engine::forget(std::shared_ptr<const ModelVersion> model) {
    core_->unload(std::move(model), [](const Result<void>&) {});
}
WorkerStatus Engine::status() const { return core_->status(); }

awaitable<Outcome> Engine::predict(Request request) {
    Ticket ticket = 0;
    auto start = [this, &ticket, shared = std::make_shared<Request>(std::move(request))](Done done) {
        ticket = predict(std::move(*shared), std::move(done));
    };
    // Both run on the coroutine's executor, and asio clears the slot when the coroutine goes on.
    auto cancellation = co_await asio::this_coro::cancellation_state;
    if (auto slot = cancellation.slot(); slot.is_connected())
        slot.assign([this, &ticket](asio::cancellation_type) { withdraw(ticket); });
    co_return co_await async::completion<Outcome>(std::move(start));
}

awaitable<Result<CheckReport>> Engine::check(std::shared_ptr<const ModelVersion> model) {
    auto start = [this, model](CheckDone done) { check(model, std::move(done)); };
    co_return co_await async::completion<Result<CheckReport>>(std::move(start));
}

awaitable<Result<CheckReport>> Engine::load(std::shared_ptr<const ModelVersion> model) {
    auto start = [this, model](ModelEntry::LoadDone done) { core_->load(model, std::move(done)); };
    co_return co_await async::completion<Result<CheckReport>>(std::move(start));
}

awaitable<Result<void>> Engine::unload(std::shared_ptr<const ModelVersion> model) {
    auto start = [this, model](ModelEntry::UnloadDone done) { core_->unload(model, std::move(done)); };
    co_return co_await async::completion<Result<void>>(std::move(start));
}

} // namespace millrace::inference
