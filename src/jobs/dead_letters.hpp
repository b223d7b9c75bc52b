// Jobs that failed for good, kept until somebody replays or purges them. Thread-safe.
#pragma once
#include "jobs/dispatcher.hpp"
#include "jobs/job_repository.hpp"
#include "model/principal.hpp"

#include <optional>
#include <string>
#include <vector>

namespace millrace::jobs {

// Which of them; all members together. The cursor is not used by replay and purge.
struct DeadFilter {
    std::vector<JobId> ids; // empty: any
    std::optional<std::string> kind, queue, error_code;
    std::optional<std::pair<std::string, std::string>> tag;
    std::optional<Timestamp> died_after, died_before;
    std::optional<JobId> before; // the cursor
    int limit = 50;              // of list; 0 for replay and purge: no limit
};

struct Replay {
    DeadFilter filter;
    std::optional<std::string> payload;    // JSON text that replaces each one's own
    std::optional<double> rate_per_second; // they become due one after the other; nullopt: at once
};

class DeadLetters {
public:
    DeadLetters(store::Database& database, Dispatcher& dispatcher, Clock& clock) : database_{database}, dispatcher_{dispatcher}, clock_{clock} {}

    awaitable<Result<std::vector<model::Job>>> list(OrganizationId organization, DeadFilter filter);
    awaitable<Result<std::size_t>> count(OrganizationId organization, DeadFilter filter); // a dry run
    // How many were put back in line, or deleted. Done in pieces, each one durable: when it fails half-way the same call does
    // the rest.
    awaitable<Result<std::size_t>> replay(model::Principal who, Replay replay);
    awaitable<Result<std::size_t>> purge(model::Principal who, DeadFilter filter);

private:
    store::Database& database_;
    Dispatcher& dispatcher_;
    Clock& clock_;
};

} // namespace millrace::jobs
