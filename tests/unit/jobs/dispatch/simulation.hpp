// A simulation: a small world of jobs, queues, workers and mishaps, driven over a virtual clock by the dice of one
// seed.
//
// What it is: the scheduler, the ready queue, the breakers, the retry policies, and all the SQL of jobs on a real
// SQLite store, under random submits, claims, heartbeats, ends, cancels, expiries, pauses, replays, jumps of the wall
// clock, and deaths of the daemon before and after each commit. Workers whose lease is over go on trying to write. What
// it is not: the threads of the dispatcher and of the store's writer (SimulatedDaemon takes their place, one thing
// after the other), the disk (nothing is flushed), HTTP and the processors. The fault tests kill the real daemon for
// those.
#pragma once
#include "unit/jobs/dispatch/onlooker.hpp"

#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace millrace::jobs::test {

class Dice {
public:
    explicit Dice(std::uint64_t seed) : engine_{seed} {}
    std::uint64_t bits() { return engine_(); }
    std::size_t below(std::size_t n) { return static_cast<std::size_t>(engine_() % n); }
    bool one_in(std::size_t n) { return below(n) == 0; }
    std::chrono::microseconds up_to(std::chrono::microseconds longest) {
        return std::chrono::microseconds{below(static_cast<std::size_t>(longest.count())) + 1};
    }
    template <class Container>
    auto& any_of(Container& all) {
        return *std::next(all.begin(), static_cast<std::ptrdiff_t>(below(all.size())));
    }

private:
    std::mt19937_64 engine_;
};

class Simulation {
public:
    explicit Simulation(std::uint64_t seed);
    // Throws Broken.
    void run();
    const std::vector<std::string>& story() const { return story_; }

private:
    struct PowerCut {};
    // What must become of a job, from what was asked and seen.
    struct Fate {
        OrganizationId organization;
        int allowed = 0, failures = 0, ends = 0, replays = 0; // failures since the last replay
        bool may_give_up = false; // a deadline or its own fault may end it before its attempts are used up
        int ended_workers{0};     // of the failures
    };

    Now now() const { return {store_.now, steady_}; }
    void pass(std::chrono::microseconds time);
    template <class Write, class Seen>
    auto commit(Write write, Seen seen);
    void step();
    void tell(std::string what) { story_.push_back(std::move(what)); }

    // ── what happens ──
    void submit();
    void take();
    void take_external();
    void claim(const Waiting& job, bool external);
    void check_parents(JobId id);
    void work(); // an attempt ends, one way or another
    void end(SimulatedAttempt attempt, Outcome outcome, bool its_worker_goes_on = false);
    void heartbeat();
    void haunt(); // a worker whose lease is over writes
    void cancel();
    void replay();
    void change_rules();
    void jump();
    void tick();
    void expire();
    void start(); // a daemon, after the death of another
    void drain();
    void run_empty();
    void finish();
    void saw(const Settled& settled);
    void saw(const Stored& stored, const values::Job& job);
    void lose(const SimulatedAttempt& attempt) { ghosts_.push_back(attempt); }

    Dice dice_;
    StoredJobs store_;
    Monotonic steady_{std::chrono::hours{1}};
    SimulatedLimits limits_;
    Onlooker onlooker_;
    std::unique_ptr<SimulatedDaemon> daemon_;
    std::map<JobId, Fate> fates_;
    std::vector<SimulatedAttempt> ghosts_; // attempts of workers who do not know yet that they are over
    std::vector<OrganizationId> organizations_;
    std::vector<std::string> story_;
    std::uint32_t made_ = 0;
    bool quiet_ = false; // no more mishaps: the world runs empty
};

// One transaction. The power may fail before it is on disk, or before anybody in memory has heard of it.
template <class Write, class Seen>
auto Simulation::commit(Write write, Seen seen) {
    using Value = decltype(write());
    const bool before = !quiet_ && dice_.one_in(150), after = !quiet_ && dice_.one_in(150);
    auto done = store_.session.savepoint([&]() -> Result<Value> {
        auto value = write();
        if (before) return Error{Code::unavailable, "the power failed"};
        return value;
    });
    if (!done) throw PowerCut{};
    seen(*done); // from the commit on, whether or not anybody hears of it
    if (after) throw PowerCut{};
    return std::move(*done);
}

inline std::string short_name(JobId id) { return id.text().substr(28); }

} // namespace millrace::jobs::test
