// Jobs that failed for good, kept until somebody replays or purges them. Thread-safe.
#pragma once
#include "jobs/dispatcher.hpp"
#include "jobs/job_repository.hpp"
#include "values/principal.hpp"

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
    DeadLetters(store::Database& database, Dispatcher& dispatcher, Clock& clock)
        : database_{database},
          dispatcher_{dispatcher},
          clock_{clock} {}

    // A dead letter that a filter fits, and some of them.
    struct Dead {
        JobId id;
        std::string kind, queue;
    };
    struct Piece {
        std::vector<Dead> dead;
        std::optional<JobId> next; // where the next look begins; nullopt: there is no more
        std::vector<Dead> rest(std::size_t from) const {
            return {dead.begin() + static_cast<std::ptrdiff_t>(from), dead.end()};
        }
    };

    awaitable<Result<job_repository::JobPage>> list(OrganizationId organization, DeadFilter filter);
    awaitable<Result<std::size_t>> count(OrganizationId organization, DeadFilter filter); // a dry run
    // How many were put back in line, or deleted, the oldest first. Done in pieces, each one durable: when it fails
    // half-way the same call does the rest. unavailable: as many wait as may.
    awaitable<Result<std::size_t>> replay(values::Principal who, Replay replay);
    awaitable<Result<std::size_t>> purge(values::Principal who, DeadFilter filter);

private:
    struct Done {
        std::size_t looked_at = 0, replayed = 0, refused = 0, deleted = 0;
        std::optional<Error> refusal; // of the next: no more wait at present
    };
    awaitable<Result<Piece>> find(OrganizationId organization, DeadFilter filter, std::optional<JobId> cursor);
    // As many of these as one turn of the writer takes.
    awaitable<Result<Done>> replay_some(values::Principal who, Replay replay, Timestamp begin, std::size_t count,
                                        std::vector<Dead> dead);
    awaitable<Result<Done>> purge_some(values::Principal who, Timestamp died_before, std::vector<Dead> dead);

    store::Database& database_;
    Dispatcher& dispatcher_;
    Clock& clock_;
};

} // namespace millrace::jobs
