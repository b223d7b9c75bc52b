#include "jobs/leases/claiming.hpp"

#include "jobs/moves.hpp"

namespace millrace::jobs {

std::vector<std::shared_ptr<const Lease>> claim_jobs(store::SystemSession& session,
                                                     const std::vector<attempt_repository::Claim>& claims,
                                                     Timestamp now, std::optional<std::chrono::milliseconds> external,
                                                     std::string_view worker) {
    auto claimed = attempt_repository::claim(session, claims, now, external, worker);
    std::vector<std::shared_ptr<const Lease>> leases;
    leases.reserve(claimed.size());
    for (std::size_t i = 0; i < claimed.size(); ++i) {
        if (!claimed[i]) {
            session.publish(NotClaimed{claims[i].id});
            leases.push_back(nullptr);
            continue;
        }
        // Shared by all who hear of it.
        session.publish(Begun{leases.emplace_back(std::make_shared<const Lease>(std::move(*claimed[i])))});
    }
    return leases;
}

} // namespace millrace::jobs
