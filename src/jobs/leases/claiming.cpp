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

void give_back_unused(store::SystemSession& session, const Lease& lease) {
    const auto due = attempt_repository::release(session, lease.id, lease.token);
    if (!due) return;
    Moved moved{
        lease.id,       lease.organization,        lease.created_by,         lease.queue, lease.kind, lease.resource,
        lease.priority, values::JobState::running, values::JobState::queued, *due};
    moved.unused = true;
    session.publish(Settled{{std::move(moved)}});
}

} // namespace millrace::jobs
