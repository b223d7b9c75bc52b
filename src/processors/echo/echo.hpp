// Kind `echo`: the result is the payload. For trying and measuring the queue itself.
#pragma once
#include "jobs/processor.hpp"

namespace millrace::processors {

class Echo final : public jobs::Processor {
public:
    std::string_view kind() const override { return "echo"; }
    std::size_t concurrency() const override { return 4096; }
    Result<void> check(OrganizationId, const boost::json::value&) const override { return success(); }
    bool reads_payload() const override { return false; }
    awaitable<jobs::Outcome> run(jobs::Attempt attempt) override {
        co_return jobs::Success{std::move(attempt.payload), {}};
    }
};

} // namespace millrace::processors
