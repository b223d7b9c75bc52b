// A scheduler over virtual time, with a queue table and no store.
#pragma once
#include "jobs/dispatch/scheduler.hpp"
#include "unit/jobs/dispatch/waiting_jobs.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::jobs::test {

// The settings that these tests set; the others are as nobody set them.
struct Rules {
    bool external = false;
    std::optional<std::size_t> concurrency{};
    std::optional<double> rate{};
    bool breaker = true;
};

struct SchedulerWorld {
    explicit SchedulerWorld(std::size_t slots = 100'000) : scheduler{table, {slots, 60s}} {
        scheduler.add_kind("echo", 100'000);
    }

    QueueTable table;
    Scheduler scheduler;
    Now now = at(1000s);
    std::uint32_t made = 0;
    std::vector<Waiting> running;

    LaneIndex lane(std::string_view queue, std::string_view kind, std::uint8_t of = 1, std::string_view resource = "") {
        return scheduler.lane(organization(of), queue, kind, resource);
    }
    void push(int count, std::string_view queue = "default", std::string_view kind = "echo", std::uint8_t of = 1,
              std::string_view resource = "") {
        for (int i = 0; i < count; ++i) push_at(now.wall, queue, kind, of, resource);
    }
    void push_at(Timestamp due, std::string_view queue = "default", std::string_view kind = "echo", std::uint8_t of = 1,
                 std::string_view resource = "") {
        const auto owner = scheduler.queue().owners().find_or_add(organization(of), key(1));
        scheduler.queue().push({job_id(++made), due, lane(queue, kind, of, resource), 5, owner}, now);
    }

    std::vector<Waiting> take(std::size_t most) { return keep(scheduler.take(most, now)); }
    std::vector<Waiting> take_external(std::string_view queue, std::size_t most, std::uint8_t of = 1) {
        return keep(scheduler.take_external(*table.queue(organization(of), queue), most, now));
    }
    void end(std::size_t count, AttemptVerdict verdict = AttemptVerdict::success) {
        for (std::size_t i = 0; i < count; ++i) {
            scheduler.ended(running.back().lane, verdict, now);
            running.pop_back();
        }
    }
    // Whether a breaker changed.
    Scheduler::Changed end_all(AttemptVerdict verdict = AttemptVerdict::success) {
        Scheduler::Changed any;
        for (const auto& job : running) {
            const auto changed = scheduler.ended(job.lane, verdict, now);
            any.queue = any.queue || changed.queue;
            any.resource = any.resource || changed.resource;
        }
        running.clear();
        return any;
    }

    void set(std::string_view queue, Rules rules, std::uint8_t of = 1) {
        QueueRules wanted;
        wanted.settings.external = rules.external;
        wanted.settings.concurrency = rules.concurrency;
        wanted.settings.rate = rules.rate;
        wanted.settings.breaker = rules.breaker;
        change(queue, wanted, of);
    }
    void pause(std::string_view queue, std::optional<Timestamp> until = std::nullopt) {
        auto rules = *table.queue(organization(1), queue)->rules();
        rules.pause = values::Pause{now.wall, until, "a test", "the test"};
        change(queue, rules, 1);
    }
    void change(std::string_view queue, const QueueRules& rules, std::uint8_t of) {
        auto& its = *table.queue(organization(of), queue);
        its.set_rules(rules);
        scheduler.rules_changed(its);
    }
    void pass(microseconds time) {
        now.wall = now.wall + time;
        now.steady += time;
    }

    const ReadyQueue::Lane& of(const Waiting& job) const { return scheduler.queue().at(job.lane); }
    std::string resource_of(const Waiting& job) const { return of(job).resource ? of(job).resource->name : ""; }
    std::ptrdiff_t of_kind(const std::vector<Waiting>& jobs, std::string_view kind) const {
        return std::count_if(jobs.begin(), jobs.end(), [&](const Waiting& job) { return of(job).kind == kind; });
    }

private:
    std::vector<Waiting> keep(std::vector<Waiting> taken) {
        running.insert(running.end(), taken.begin(), taken.end());
        return taken;
    }
};

} // namespace millrace::jobs::test
