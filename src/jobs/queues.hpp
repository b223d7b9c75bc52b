// Named queues as their operator sees them: settings, pauses, depth. Thread-safe.
#pragma once
#include "jobs/dispatcher.hpp"
#include "values/principal.hpp"
#include "values/queue.hpp"

#include <optional>
#include <string>
#include <vector>

namespace millrace::jobs {

struct QueueView {
    std::string name;
    values::QueueSettings settings;
    std::optional<values::Pause> pause;
    QueueCounts counts;
    values::BreakerView breaker;
};

class Queues {
public:
    Queues(store::Database& database, Dispatcher& dispatcher, Clock& clock)
        : database_{database},
          dispatcher_{dispatcher},
          clock_{clock} {}

    // Every queue that has settings or has had jobs since the daemon started, by name.
    awaitable<std::vector<QueueView>> list(OrganizationId organization);
    awaitable<std::optional<QueueView>> find(OrganizationId organization, std::string name);

    // Replaces the settings; effective at once. An event tells operators of a pause and of its end.
    awaitable<Result<void>> set(values::Principal who, std::string name, values::QueueSettings settings);
    awaitable<Result<void>> pause(values::Principal who, std::string name, std::string reason,
                                  std::optional<Timestamp> until);
    awaitable<Result<void>> resume(values::Principal who, std::string name); // idempotent

private:
    QueueView view_of(const Queue& queue, QueueSnapshot::Queue snapshot) const;

    store::Database& database_;
    Dispatcher& dispatcher_;
    Clock& clock_;
};

} // namespace millrace::jobs
