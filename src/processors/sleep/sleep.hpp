// Kind `sleep`: {"seconds": 0-86400, "fail_times": 0-100}. Waits, fails that many times first, then succeeds.
// For trying retries, timeouts, cancelling and the queue's limits.
#pragma once
#include "jobs/processor.hpp"

namespace millrace::processors {

class Sleep final : public jobs::Processor {
public:
    std::string_view kind() const override { return "sleep"; }
    std::size_t concurrency() const override { return 4096; }
    Result<void> check(OrganizationId organization, const boost::json::value& payload) const override;
    awaitable<jobs::Outcome> run(jobs::Attempt attempt) override;
};

} // namespace millrace::processors
