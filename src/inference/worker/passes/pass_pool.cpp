#include "inference/worker/passes/pass_pool.hpp"

#include "async/io_pool.hpp"

#include <algorithm>

namespace millrace::inference::worker {
namespace {

constexpr std::size_t most_teams =
    16; // threads for so many models whose passes never end; then the others wait for them

} // namespace

PassPool::PassPool(std::string name, int places, std::chrono::milliseconds patience, SetThreads set_threads)
    : name_{std::move(name)},
      places_{std::max(1, places)},
      patience_{patience},
      set_threads_{std::move(set_threads)} {
    {
        auto state = state_.lock();
        state->free = places_;
        make_worker(*state); // so that there is one, whenever no more can be made
    }
    watch_ = std::thread{[this] { watch(); }};
}

PassPool::~PassPool() {
    state_.lock()->ending = true;
    blocked_.notify_all();
    watch_.join(); // it ends when nothing waits any more: no thread is made from now on
    std::vector<std::thread> threads;
    {
        auto state = state_.lock();
        for (auto& worker : state->workers) {
            worker->wake.notify_all();
            threads.push_back(std::move(worker->thread));
        }
    }
    for (auto& thread : threads)
        if (thread.joinable()) thread.join();
}

bool PassPool::is_idle(const State& state) {
    return state.line.empty() && std::ranges::none_of(state.workers, [](const auto& each) { return each->busy; });
}

void PassPool::add(Model model, int threads, Pass pass, int alone) {
    auto state = state_.lock();
    if (is_idle(*state)) threads = std::max(threads, alone);
    state->line.push_back({model, std::clamp(threads, 1, places_), std::move(pass)});
    begin_what_may(*state);
}

bool PassPool::run_here(Model model, const Pass& pass) {
    Worker* guest = nullptr;
    {
        auto state = state_.lock();
        if (!is_idle(*state)) return false;
        const auto found = std::ranges::find_if(state->workers, [](const auto& each) { return each->is_guest; });
        guest =
            (found == state->workers.end() ? state->workers.emplace_back(std::make_unique<Worker>()) : *found).get();
        guest->is_guest = guest->busy = true;
        guest->lends = false;
        guest->work.model = model;
        guest->began = Steady::now();
        --state->free;
    }
    thread_local int width = 0; // as it was set on this thread
    if (std::exchange(width, 1) != 1) set_threads_(1);
    pass();
    end(*state_.lock(), *guest);
    return true;
}

void PassPool::begin_what_may(State& state) {
    lend_old_places(state);
    std::vector<Model> waiting; // for passes of their own; what comes after in such a model does not overtake
    for (auto next = state.line.begin(); next != state.line.end();) {
        const bool waits = std::ranges::find(waiting, next->model) != waiting.end();
        if (waits || held_by(state, next->model) + next->threads > places_) {
            if (!waits) waiting.push_back(next->model);
            ++next;
            continue;
        }
        if (next->threads > state.free || !begin(state, *next))
            break; // nothing overtakes it, or it would wait for ever
        next = state.line.erase(next);
    }
    if (state.ending || (!state.line.empty() && !state.watched)) blocked_.notify_all();
}

void PassPool::lend_old_places(State& state) const {
    const auto old = Steady::now() - patience_;
    for (auto& worker : state.workers) {
        if (!worker->busy || worker->lends || worker->began > old) continue;
        worker->lends = true;
        state.free += worker->work.threads;
    }
}

int PassPool::held_by(const State& state, Model model) const {
    int held = 0;
    for (const auto& worker : state.workers)
        if (worker->busy && worker->work.model == model) held += worker->work.threads;
    return held;
}

// One that ran passes of that width before: the compute library keeps a team of helpers for each thread that ran a wide
// one.
PassPool::Worker* PassPool::idle_worker(State& state, int threads) {
    Worker* found = nullptr;
    for (auto& worker : state.workers) {
        if (worker->busy || worker->is_guest) continue;
        if (worker->width == threads) return worker.get();
        if (!found || worker->width > found->width) found = worker.get();
    }
    const bool may_grow = state.workers.size() < most_teams * static_cast<std::size_t>(places_);
    if (found &&
        (found->width == 0 || threads > 1 || !may_grow || state.workers.size() >= static_cast<std::size_t>(places_)))
        return found;
    if (!may_grow) return nullptr;
    try {
        return &make_worker(state);
    } catch (const std::exception&) { // no memory or no thread is left: the work waits for one that is there
        return found;
    }
}

PassPool::Worker& PassPool::make_worker(State& state) {
    auto made = std::make_unique<Worker>();
    state.workers.reserve(state.workers.size() + 1);
    made->thread = std::thread{[this, worker = made.get()] { work(*worker); }};
    return *state.workers.emplace_back(std::move(made));
}

bool PassPool::begin(State& state, Waiting& next) {
    auto* worker = idle_worker(state, next.threads);
    if (!worker) return false;
    state.free -= next.threads;
    worker->work = std::move(next);
    worker->began = Steady::now();
    worker->busy = true;
    worker->lends = false;
    worker->wake.notify_one();
    return true;
}

void PassPool::work(Worker& self) {
    async::name_this_thread(name_);
    for (;;) {
        Pass pass;
        int threads = 0;
        {
            auto state = state_.lock();
            self.wake.wait(state.mutex(), [&] { return self.busy || (state->ending && state->line.empty()); });
            if (!self.busy) return;
            pass = std::move(self.work.pass);
            threads = self.work.threads;
        }
        if (std::exchange(self.width, threads) != threads) set_threads_(threads);
        pass();
        pass = nullptr; // before the places are free: what it held is given back
        end(*state_.lock(), self);
    }
}

void PassPool::end(State& state, Worker& worker) {
    worker.busy = false;
    if (!worker.lends) state.free += worker.work.threads;
    begin_what_may(state);
}

// Looks now and then while something waits; asleep otherwise.
void PassPool::watch() {
    async::name_this_thread(name_ + "-watch");
    auto state = state_.lock();
    while (!state->ending || !state->line.empty()) {
        state->watched = !state->line.empty();
        if (state->watched) blocked_.wait_for(state.mutex(), patience_);
        else blocked_.wait(state.mutex());
        begin_what_may(*state);
    }
}

} // namespace millrace::inference::worker
