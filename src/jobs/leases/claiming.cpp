#include "jobs/leases/claiming.hpp"

#include "jobs/leases/attempt_repository.hpp"
#include "jobs/moves.hpp"

namespace millrace::jobs {

std::shared_ptr<const Lease> claim_job(store::SystemSession& session, JobId id, std::int64_t token, Timestamp now,
                                       std::optional<std::chrono::milliseconds> external, std::string_view worker) {
    auto claimed = attempt_repository::claim(session, id, token, now, external, worker);
    if (!claimed) {
        session.publish(NotClaimed{id});
        return nullptr;
    }
    auto lease = std::make_shared<const Lease>(std::move(*claimed)); // shared by all who hear of it
    session.publish(Begun{lease});
    return lease;
}

} // namespace millrace::jobs
