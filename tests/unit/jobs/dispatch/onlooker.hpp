// Watches a simulated daemon and knows the rules better than it: every start of a job is checked against limits that
// are counted here anew, from nothing but what was seen. Broken promises are thrown.
#pragma once
#include "unit/jobs/dispatch/simulated_daemon.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <vector>

namespace millrace::jobs::test {

struct Broken : std::runtime_error {
    using std::runtime_error::runtime_error;
};
inline void require(bool holds, const std::string& what) {
    if (!holds) throw Broken{what};
}

class Onlooker {
public:
    explicit Onlooker(SimulatedLimits limits) : limits_{limits} {}

    void restarted() { begun_.clear(), served_.clear(); }
    void rate_changed(const Queue& queue) { begun_[key(queue)].clear(); }

    // Before a take: what has become ready since the last.
    void looks(SimulatedDaemon& daemon, const Now& now) {
        for (auto& [id, its] : daemon.standing)
            if (!its.ready_since && (its.due_steady ? *its.due_steady <= now.steady : its.job.due <= now.wall))
                its.ready_since = now.steady;
    }

    // Right after it was taken, and before anything else; `daemon.running` is without it.
    void began(SimulatedDaemon& daemon, const Waiting& job, bool external, const Now& now) {
        const auto& lane = daemon.scheduler.queue().at(job.lane);
        const auto& queue = *lane.queue;
        const auto at = daemon.standing.find(job.id);
        require(at != daemon.standing.end(),
                "job " + job.id.text().substr(28) + " began, and nobody had put it in line");
        require(at->second.ready_since.has_value(), "job " + job.id.text().substr(28) + " began before it was due");
        daemon.standing.erase(at);
        const auto counts = count(daemon);
        const auto rules = queue.rules();
        const auto& settings = rules->settings;
        require(!rules->pause || (rules->pause->until && *rules->pause->until <= now.wall),
                "a paused queue began a job");
        require(settings.external == external, "a job was given to the wrong side");
        if (settings.concurrency)
            require(of(counts.queues, key(queue)) < *settings.concurrency, "more run of a queue than its concurrency");
        if (!external) {
            require(counts.slots < limits_.slots, "more run than there are slots");
            if (lane.kind == "scarce")
                require(of(counts.kinds, lane.kind) < limits_.scarce, "more run of a kind than its concurrency");
        }
        auto& begun = begun_[key(queue)];
        begun.push_back(now.steady);
        if (settings.rate) check_rate(begun, *settings.rate);
        check_order(daemon, job, external, counts, now);
        served_[line(job)] = now.steady;
    }

    // At any time: memory and store agree on what waits and what runs.
    void check(SimulatedDaemon& daemon, StoredJobs& store) const {
        const auto waiting = store.number("SELECT count(*) FROM jobs WHERE state IN ('queued', 'scheduled')");
        std::int64_t standing = 0;
        for (const auto& queue : daemon.table.queues()) standing += queue->queued + queue->scheduled;
        require(standing == waiting, fmt::format("{} jobs stand in line and {} wait in the store", standing, waiting));
        require(static_cast<std::size_t>(store.number("SELECT count(*) FROM jobs WHERE state = 'running'")) ==
                    daemon.running.size(),
                "the store knows other running jobs");
        require(count(daemon).slots == daemon.scheduler.slots_taken(), "slots are lost, or given twice");
    }

private:
    using QueueKey = std::pair<OrganizationId, std::string>;
    using Line = std::pair<LaneIndex, unsigned>;
    struct Counts {
        std::size_t slots = 0;
        std::map<QueueKey, std::size_t> queues;
        std::map<std::string, std::size_t> kinds;
    };
    static QueueKey key(const Queue& queue) { return {queue.organization, queue.name}; }
    static Line line(const Waiting& job) { return {job.lane, job.priority}; }
    template <class Map>
    static std::size_t of(const Map& map, const typename Map::key_type& key) {
        const auto at = map.find(key);
        return at == map.end() ? 0 : at->second;
    }
    static Counts count(const SimulatedDaemon& daemon) {
        Counts counts;
        for (const auto& [id, attempt] : daemon.running) {
            const auto& lane = daemon.scheduler.queue().at(attempt.job.lane);
            ++counts.queues[key(*lane.queue)];
            if (attempt.external) continue;
            ++counts.slots;
            ++counts.kinds[lane.kind];
        }
        return counts;
    }
    // In no stretch of time do more begin than a second's worth and what comes in.
    static void check_rate(const std::vector<Monotonic>& begun, double rate) {
        for (std::size_t i = 0; i < begun.size(); ++i) {
            const double stretch = std::chrono::duration<double>(begun.back() - begun[i]).count();
            require(static_cast<double>(begun.size() - i) <= std::max(1.0, rate) + rate * stretch + 1e-6,
                    "more began than the queue's rate allows");
        }
    }
    // Nobody who may begin waits while somebody begins whose priority, risen by waiting, cannot be as high.
    void check_order(const SimulatedDaemon& daemon, const Waiting& job, bool external, const Counts& counts,
                     const Now& now) const {
        const auto served = [&](const Waiting& its) {
            const auto at = served_.find(line(its));
            return at == served_.end() ? daemon.started : at->second;
        };
        const auto risen = [&](const Waiting& its, Monotonic since) {
            return std::min<std::int64_t>(values::highest_priority,
                                          its.priority + (now.steady - since) / limits_.ageing);
        };
        const auto highest = risen(job, served(job));
        const auto& lane = daemon.scheduler.queue().at(job.lane);
        for (const auto& [id, other] : daemon.standing) {
            if (!other.ready_since) continue;
            const auto& its = daemon.scheduler.queue().at(other.job.lane);
            if (external ? its.queue != lane.queue : !may_begin(its, counts, now)) continue;
            require(highest >= risen(other.job, std::max(served(other.job), *other.ready_since)),
                    "a job waits although its priority, with what it has waited, is higher");
        }
    }
    // As far as can be told for certain: queues with a rate or a breaker that is not closed are left out.
    bool may_begin(const ReadyQueue::Lane& lane, const Counts& counts, const Now& now) const {
        const auto rules = lane.queue->rules();
        const auto& settings = rules->settings;
        if (settings.external || settings.rate || !lane.queue->breaker.is_closed()) return false;
        if (lane.resource && !lane.resource->breaker.is_closed()) return false;
        if (rules->pause && (!rules->pause->until || *rules->pause->until > now.wall)) return false;
        if (lane.kind == "scarce" && of(counts.kinds, lane.kind) >= limits_.scarce) return false;
        return !settings.concurrency || of(counts.queues, key(*lane.queue)) < *settings.concurrency;
    }

    SimulatedLimits limits_;
    std::map<QueueKey, std::vector<Monotonic>> begun_;
    std::map<Line, Monotonic> served_;
};

} // namespace millrace::jobs::test
