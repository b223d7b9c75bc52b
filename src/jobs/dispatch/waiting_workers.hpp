// External workers that wait for jobs of their queues, the first that came first. On the dispatcher's thread, but for
// next_ticket().
#pragma once
#include "base/clock.hpp"
#include "base/result.hpp"
#include "jobs/dispatch/fair_line.hpp"
#include "jobs/queues/queue_table.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace millrace::jobs {

// What an external worker is given.
struct Handed {
    JobId id;
    std::int64_t token = 0;
};

using WorkerTicket = std::uint64_t;

struct WaitingWorker {
    using Given = std::function<void(Result<std::vector<Handed>>)>;
    WorkerTicket ticket = 0;
    QueuePtr queue;
    std::string name; // for people
    std::size_t most = 1;
    Monotonic until;
    std::chrono::milliseconds lease{};
    Given given; // called once
};

class WaitingWorkers {
public:
    explicit WaitingWorkers(std::size_t most) : most_{most} {}

    WorkerTicket next_ticket() { return next_.fetch_add(1, std::memory_order_relaxed); } // any thread

    // Told at once when as many wait as may, or after dismiss().
    void add(WaitingWorker worker);
    // It has gone: it is given none, unless it waits no more.
    void withdraw(WorkerTicket ticket);
    // All are given none, and whoever comes later.
    void dismiss();

    // Asks `take` for each, in turn, and hands over to `claim` whoever gets jobs. Who has waited long enough goes away
    // with none.
    using Take = std::function<std::vector<Waiting>(const WaitingWorker&)>;
    using Claim = std::function<void(WaitingWorker, std::vector<Waiting>)>;
    void serve(Monotonic now, const Take& take, const Claim& claim);

    bool empty() const { return workers_.empty(); }
    std::optional<Monotonic> next_to_go() const; // when the first has waited long enough
    const std::vector<WaitingWorker>& all() const { return workers_; }

private:
    const std::size_t most_;
    std::atomic<WorkerTicket> next_{1};
    std::vector<WaitingWorker> workers_;
    bool dismissed_ = false;
};

} // namespace millrace::jobs
