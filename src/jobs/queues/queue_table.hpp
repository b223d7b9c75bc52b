// The named queues and the resources of jobs: their rules, and what of them admission may know. A queue is made at
// first use. When an organisation runs out of names, those of queues without rules and without jobs are free again:
// names follow what lives. Whoever uses a queue shares it, so that none is removed while it is used. Thread-safe; what
// belongs to the dispatcher's thread says so.
#pragma once
#include "async/guarded.hpp"
#include "base/id.hpp"
#include "base/result.hpp"
#include "jobs/dispatch/rate_meter.hpp"
#include "values/breaker.hpp"
#include "values/job.hpp"
#include "values/queue.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::jobs {

struct QueueRules {
    values::QueueSettings settings;
    std::optional<values::Pause> pause;
};

// Mean run times by kind, exponentially weighted. On an external queue a kind is any word that a client chose: so many
// have one of their own, the others share one.
class MeanSeconds {
public:
    static constexpr std::size_t most_kinds = 100;

    void set(std::string_view kind, double seconds) { at(kind, seconds) = seconds; }
    void add(std::string_view kind, double seconds) {
        auto& mean = at(kind, seconds);
        mean += 0.1 * (seconds - mean);
    }
    std::optional<double> find(std::string_view kind) const;
    double over_all() const; // 0: nothing has run

private:
    double& at(std::string_view kind, double first);
    std::map<std::string, double, std::less<>> by_kind_; // "": all that have none of their own
};

struct Queue {
    Queue(OrganizationId of, std::string its_name) : organization{of}, name{std::move(its_name)} {}

    const OrganizationId organization;
    const std::string name;
    std::shared_ptr<const QueueRules> rules() const { return *rules_.lock(); } // shared: readers keep the one they got
    void set_rules(QueueRules rules) {
        has_rules_.store(true, std::memory_order_relaxed);
        *rules_.lock() = std::make_shared<const QueueRules>(std::move(rules));
    }
    bool has_rules() const {
        return has_rules_.load(std::memory_order_relaxed);
    } // somebody has set them: the name is theirs

    std::atomic<std::int64_t> waiting{0}; // queued, scheduled and blocked
    values::Breaker breaker;

    // ── on the dispatcher's thread ──
    std::shared_ptr<const QueueRules> active = std::make_shared<const QueueRules>(); // the rules that it goes by
    std::size_t running = 0;
    double tokens = 0; // of its rate: jobs that may begin now
    Monotonic refilled{};
    std::int64_t queued = 0, scheduled = 0, blocked = 0; // of `waiting`, without those that were taken out
    std::vector<std::uint32_t> lanes;                    // of the ready queue
    std::map<values::JobState, std::int64_t> ended;      // since the store was made
    RateMeter submitted, started, finished;
    MeanSeconds mean_seconds;

private:
    std::atomic<bool> has_rules_{false};
    mutable async::Guarded<std::shared_ptr<const QueueRules>> rules_{std::make_shared<const QueueRules>()};
};

using QueuePtr = std::shared_ptr<Queue>; // shared by the table, the lanes of its jobs and the requests about it

// A model, or whatever else jobs fail together with.
struct Resource {
    OrganizationId organization;
    std::string kind, name;
    values::Breaker breaker;
};

class QueueTable {
public:
    static constexpr std::size_t most_queues = 10'000; // of one organisation

    // Made at first use; whoever takes in work asks admits() before.
    QueuePtr queue(const OrganizationId& organization, std::string_view name);
    QueuePtr find_queue(const OrganizationId& organization, std::string_view name); // nullptr: not there
    // Whether the queue is there or may be made. Where names have run out, those that nobody uses are given up first.
    bool admits(const OrganizationId& organization, std::string_view name);
    std::size_t count(const OrganizationId& organization);
    // Those that were given up since the last call, for whoever keeps their totals.
    std::vector<QueuePtr> take_given_up();
    Resource& resource(const OrganizationId& organization, std::string_view kind, std::string_view name);
    Resource* find_resource(const OrganizationId& organization, std::string_view kind, std::string_view name);

    std::vector<QueuePtr> queues(); // of all organisations, by name in each
    std::vector<Resource*> resources();

private:
    using Key = std::pair<OrganizationId, std::string>;
    struct Entries {
        std::map<Key, QueuePtr> queues;
        std::map<OrganizationId, std::size_t> count;
        std::vector<QueuePtr> given_up;
        std::map<Key, std::unique_ptr<Resource>> resources; // by "kind/name"
    };
    static void give_up_unused(Entries& entries, const OrganizationId& organization);
    async::Guarded<Entries> entries_;
};

} // namespace millrace::jobs
