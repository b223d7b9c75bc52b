// Whether there is place for another job: while the daemon runs, has room, and neither all queues nor the job's own are
// full. Counts what waits. Thread-safe.
#pragma once
#include "async/guarded.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "jobs/queues/queue_table.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace millrace::jobs {

// Jobs of the same request, which are not in line yet: with them the limits would be passed.
struct Admitted {
    std::size_t all = 0, blobs = 0;
    std::map<std::string, std::size_t, std::less<>> of_queue;
    std::size_t in(std::string_view queue) const {
        const auto at = of_queue.find(queue);
        return at == of_queue.end() ? 0 : at->second;
    }
};

class Admission {
public:
    // `no_room`: why new work is refused; empty: there is room. Asked by look_for_room() alone.
    Admission(QueueTable& table, const Clock& clock, std::size_t max_backlog, std::function<std::string()> no_room)
        : table_{table},
          clock_{clock},
          max_backlog_{max_backlog},
          no_room_{std::move(no_room)} {}

    // Whether jobs may wait there. unavailable, with when to try again; unprocessable when there are too many queues.
    Result<void> has_place(const OrganizationId& organization, std::string_view queue, const Admitted& beside);
    // The same, and no open breaker of the queue or the resource.
    Result<void> admits(const OrganizationId& organization, std::string_view queue, std::string_view kind,
                        std::string_view resource, const Admitted& beside);

    void look_for_room();
    void close() { closed_ = true; } // the daemon stops
    bool closed() const { return closed_; }

    // A job waits (queued, scheduled or blocked), or does no more. One that is on its way into its queue counts at once
    // for all queues together.
    void joined(Queue& queue) { coming(), arrived(queue); }
    void coming() { backlog_.fetch_add(1, std::memory_order_relaxed); }
    void arrived(Queue& queue) { queue.waiting.fetch_add(1, std::memory_order_relaxed); }
    void left(Queue& queue) {
        backlog_.fetch_sub(1, std::memory_order_relaxed);
        queue.waiting.fetch_sub(1, std::memory_order_relaxed);
    }
    std::size_t backlog() const {
        return static_cast<std::size_t>(std::max<std::int64_t>(0, backlog_.load(std::memory_order_relaxed)));
    }

private:
    Result<void> has_place(Queue* queue, const OrganizationId& organization, std::string_view name,
                           const Admitted& beside);

    QueueTable& table_;
    const Clock& clock_;
    const std::size_t max_backlog_;
    const std::function<std::string()> no_room_;
    async::Guarded<std::string> reason_; // why there is no room
    std::atomic<bool> has_room_{true}, closed_{false};
    std::atomic<std::int64_t> backlog_{0};
};

} // namespace millrace::jobs
