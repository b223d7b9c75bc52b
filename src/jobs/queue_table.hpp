// The named queues and the resources of jobs: their rules, and what of them admission may know. Entries are made at first use
// and never removed, so that references stay good. Thread-safe; what belongs to the dispatcher's thread says so.
#pragma once
#include "async/guarded.hpp"
#include "base/id.hpp"
#include "base/result.hpp"
#include "model/breaker.hpp"
#include "model/queue.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::jobs {

struct QueueRules {
    model::QueueSettings settings;
    std::optional<model::Pause> pause;
};

struct Queue {
    Queue(OrganizationId of, std::string its_name) : organization{of}, name{std::move(its_name)} {}

    const OrganizationId organization;
    const std::string name;
    std::shared_ptr<const QueueRules> rules() const { return *rules_.lock(); } // shared: readers keep the one they got
    void set_rules(QueueRules rules) { *rules_.lock() = std::make_shared<const QueueRules>(std::move(rules)); }

    std::atomic<std::int64_t> waiting{0}; // queued, scheduled and blocked
    model::Breaker breaker;

    // ── on the dispatcher's thread ──
    std::shared_ptr<const QueueRules> active = std::make_shared<const QueueRules>(); // the rules that it goes by
    std::size_t running = 0;
    double tokens = 0;      // of its rate: jobs that may begin now
    Monotonic refilled{};

private:
    mutable async::Guarded<std::shared_ptr<const QueueRules>> rules_{std::make_shared<const QueueRules>()};
};

// A model, or whatever else jobs fail together with.
struct Resource {
    OrganizationId organization;
    std::string kind, name;
    model::Breaker breaker;
};

class QueueTable {
public:
    static constexpr std::size_t most_queues = 10'000; // of one organisation

    // nullptr when the organisation has too many.
    Queue* queue(const OrganizationId& organization, std::string_view name);
    Queue* find_queue(const OrganizationId& organization, std::string_view name);
    Resource& resource(const OrganizationId& organization, std::string_view kind, std::string_view name);
    Resource* find_resource(const OrganizationId& organization, std::string_view kind, std::string_view name);

    std::vector<Queue*> queues();                        // of all organisations
    std::vector<Queue*> queues(const OrganizationId& organization); // by name
    std::vector<Resource*> resources();

private:
    using Key = std::pair<OrganizationId, std::string>;
    struct Entries {
        std::map<Key, std::unique_ptr<Queue>> queues;
        std::map<OrganizationId, std::size_t> count;
        std::map<Key, std::unique_ptr<Resource>> resources; // by "kind/name"
    };
    async::Guarded<Entries> entries_;
};

} // namespace millrace::jobs
