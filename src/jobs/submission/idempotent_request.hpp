// The Idempotency-Key of a request (IETF draft httpapi-idempotency-key-header): the same key and payload give the same
// answer, whatever would be said to them now; the same key with another payload is refused. It belongs to the API key
// that sent it. Inside store tasks.
#pragma once
#include "jobs/job_repository.hpp"

#include <optional>
#include <string>

namespace millrace::jobs {

struct IdempotentRequest {
    std::string key;
    std::string payload_sha256;
    std::string scope; // method and path: "POST /api/v1/jobs"
    ActorId
        sender{}; // whose it is: another key may send the same word, and means another request. Nil: the admin socket
};

// What the key was answered before. unprocessable: it came with another payload.
Result<std::optional<job_repository::StoredAnswer>> earlier_answer(store::OrganizationSession& tenant,
                                                                   const std::optional<IdempotentRequest>& request);

// In the transaction of what the request has made.
void remember_answer(store::OrganizationSession& tenant, const std::optional<IdempotentRequest>& request,
                     std::string body, int status, Timestamp now);

} // namespace millrace::jobs
