#include "jobs/schedules/submitter.hpp"

#include "jobs/job_service.hpp"

namespace millrace::jobs {
namespace {

struct OnItsWay {
    Weights weights;
    Prepared prepared;
    std::optional<Stored> stored;
};

class ToService final : public Submitter {
public:
    explicit ToService(JobService& jobs) : jobs_{jobs} {}

    Result<Pending> prepare(const values::Principal& who, values::NewJob job, Timestamp now) override {
        auto prepared = jobs_.prepare(who, std::move(job), now);
        if (!prepared) return prepared.error();
        auto one = std::make_shared<OnItsWay>(
            OnItsWay{weights(who), std::move(*prepared), std::nullopt}); // shared by the two steps
        return Pending{[one](store::TenantSession& tenant, Timestamp at) -> Result<values::Job> {
                           auto stored = store_job(tenant, one->prepared, at);
                           if (!stored) return stored.error();
                           one->stored = std::move(*stored);
                           return one->stored->job;
                       },
                       [this, one] {
                           if (one->stored) jobs_.arrived(one->weights, *one->stored);
                       }};
    }

private:
    JobService& jobs_;
};

} // namespace

std::unique_ptr<Submitter> submit_to(JobService& jobs) { return std::make_unique<ToService>(jobs); }

} // namespace millrace::jobs
