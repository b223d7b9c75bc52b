#include "jobs/schedules/submitter.hpp"

#include "jobs/job_service.hpp"

namespace millrace::jobs {
namespace {

class ToService final : public Submitter {
public:
    explicit ToService(JobService& jobs) : jobs_{jobs} {}

    Result<Pending> prepare(const values::Principal& who, values::NewJob job, Timestamp now) override {
        auto prepared = jobs_.prepare(who, std::move(job), now);
        if (!prepared) return prepared.error();
        auto shared = std::make_shared<const Prepared>(std::move(*prepared)); // by the copies of the function
        return Pending{
            [shared](store::OrganizationSession& tenant, Timestamp at) { return store_job(tenant, *shared, at); }};
    }

private:
    JobService& jobs_;
};

} // namespace

std::unique_ptr<Submitter> submit_to(JobService& jobs) { return std::make_unique<ToService>(jobs); }

} // namespace millrace::jobs
