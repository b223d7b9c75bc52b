// The queue: jobs and whatever makes, runs and ends them.
#pragma once
#include "app/feature.hpp"
#include "app/features/model_feature.hpp"
#include "app/foundations.hpp"
#include "jobs/dead_letters.hpp"
#include "jobs/dispatcher.hpp"
#include "jobs/flows.hpp"
#include "jobs/job_service.hpp"
#include "jobs/leases.hpp"
#include "jobs/queues.hpp"
#include "jobs/retention.hpp"
#include "jobs/schedules.hpp"
#include "jobs/sweeper.hpp"
#include "processors/echo/echo.hpp"
#include "processors/exec/exec.hpp"
#include "processors/sleep/sleep.hpp"

#include <memory>

namespace millrace::app {

class QueueFeature final : public Feature {
public:
    QueueFeature(Foundations& base, ModelFeature& models);

    void add_routes(http::Router& router) override;
    Result<void> load() override { return dispatcher_.recover(); }
    void start() override;
    void dismiss() override { dispatcher_.dismiss_workers(); }
    void stop(std::chrono::milliseconds patience) override;
    void report(api::Readiness& readiness) const override;

    jobs::Dispatcher& dispatcher() { return dispatcher_; }
    jobs::JobService& jobs() { return jobs_; }
    jobs::Flows& flows() { return flows_; }

private:
    Foundations& base_;
    ModelFeature& models_;
    processors::Echo echo_;
    processors::Sleep sleep_;
    processors::Exec exec_;
    jobs::Dispatcher dispatcher_;
    jobs::JobService jobs_;
    jobs::Queues queues_;
    jobs::DeadLetters dead_letters_;
    jobs::Leases leases_;
    jobs::Flows flows_;
    std::unique_ptr<jobs::Submitter> submitter_;
    jobs::Schedules schedules_;
    jobs::Retention retention_;
    jobs::Sweeper sweeper_;
};

} // namespace millrace::app
