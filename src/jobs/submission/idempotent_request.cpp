#include "jobs/submission/idempotent_request.hpp"

namespace millrace::jobs {
namespace {

std::string scope_of(const IdempotentRequest& request) { return request.scope + " by " + request.sender.text(); }

} // namespace

Result<std::optional<job_repository::StoredAnswer>> earlier_answer(store::OrganizationSession& tenant,
                                                                   const std::optional<IdempotentRequest>& request) {
    if (!request) return std::optional<job_repository::StoredAnswer>{};
    // Without a sender: from before an update, when nobody wrote down whose they are. For two days those answer too.
    auto earlier = job_repository::find_request(tenant, scope_of(*request), request->scope, request->key);
    if (earlier && earlier->payload_sha256 != request->payload_sha256)
        return Error{Code::unprocessable, "this Idempotency-Key was used with another payload; use a new key"};
    return earlier;
}

void remember_answer(store::OrganizationSession& tenant, const std::optional<IdempotentRequest>& request,
                     std::string body, int status, Timestamp now) {
    if (request)
        job_repository::remember_request(tenant, scope_of(*request), request->key,
                                         {request->payload_sha256, std::move(body), status}, now);
}

} // namespace millrace::jobs
