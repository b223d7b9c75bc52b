#include "app/features/queue_feature.hpp"

#include "api/flows/flow_routes.hpp"
#include "api/jobs/job_input.hpp"
#include "api/jobs/job_routes.hpp"
#include "api/jobs/result_routes.hpp"
#include "api/leases/lease_routes.hpp"
#include "api/models/feedback_routes.hpp"
#include "api/queues/dead_letter_routes.hpp"
#include "api/queues/queue_routes.hpp"
#include "api/schedules/schedule_routes.hpp"
#include "api/service/event_routes.hpp"
#include "app/no_room.hpp"

#include <algorithm>
#include <set>

namespace millrace::app {
namespace {

using namespace std::chrono_literals;

// By name or id. A name that nobody has yet serves nobody: an organisation that is made later needs a restart.
std::set<OrganizationId> organizations_of(const config::ExecCommand& command, store::Database& database,
                                          telemetry::Log& log) {
    auto read = [names = command.organizations](store::SystemSession& session) -> Result<std::set<OrganizationId>> {
        std::set<OrganizationId> found;
        for (auto rows = session.query("SELECT id, name FROM organizations", {}); rows.next();)
            if (std::ranges::any_of(names,
                                    [&](const auto& each) { return each == rows.text(0) || each == rows.text(1); }))
                found.insert(rows.id<OrganizationId>(0));
        return found;
    };
    auto found = database.read_blocking(std::move(read));
    if (found && found->size() < command.organizations.size())
        log.warning("a command names organizations that are not there",
                    {{"command", command.name}, {"found", found->size()}, {"named", command.organizations.size()}});
    return found ? std::move(*found) : std::set<OrganizationId>{};
}

// Asks the database for the organisations that a command is for.
processors::ExecOptions exec_options(const config::Config& config, store::Database& database, telemetry::Log& log) {
    processors::ExecOptions options;
    options.scratch = config.data / "exec";
    options.grace = std::chrono::seconds{config.exec.grace_seconds};
    for (const auto& command : config.exec.commands) {
        options.commands.push_back({command.name, command.command, command.environment,
                                    std::chrono::seconds{command.timeout_seconds}, command.memory_bytes,
                                    command.max_output_bytes, command.concurrency});
        if (std::ranges::find(command.organizations, "*") == command.organizations.end())
            options.commands.back().organizations = organizations_of(command, database, log);
    }
    return options;
}

jobs::DispatcherOptions dispatcher_options(const config::Config& config) {
    jobs::DispatcherOptions options;
    options.scheduler.concurrency = config.jobs.concurrency;
    options.scheduler.ageing = std::chrono::seconds{config.jobs.ageing_seconds};
    options.max_backlog = config.jobs.max_backlog;
    options.no_room = [config] { return no_room(config); };
    return options;
}

jobs::KeptFor kept_for(const config::RetentionConfig& config) {
    using values::JobState;
    jobs::KeptFor kept;
    const auto keep = [&](JobState state, std::uint32_t days) {
        if (days > 0) kept[state] = std::chrono::days{days};
    };
    keep(JobState::succeeded, config.succeeded_days);
    keep(JobState::dead, config.dead_days);
    keep(JobState::cancelled, config.cancelled_days);
    keep(JobState::expired, config.cancelled_days);
    return kept;
}

} // namespace

QueueFeature::QueueFeature(Foundations& base, ModelFeature& models)
    : base_{base},
      models_{models},
      exec_{exec_options(base.config, *base.database, *base.log), *base.files},
      dispatcher_{*base.database, *base.feed, *base.clock, *base.log, *base.metrics, dispatcher_options(base.config)},
      jobs_{*base.database, dispatcher_, *base.clock, *base.files},
      queues_{*base.database, dispatcher_, *base.clock},
      dead_letters_{*base.database, dispatcher_, *base.clock},
      leases_{*base.database, dispatcher_, *base.clock},
      flows_{*base.database, jobs_, dispatcher_, *base.clock, *base.files},
      submitter_{jobs::submit_to(jobs_)},
      schedules_{*base.database, *base.feed, *submitter_,  api::read_new_job_text,
                 *base.clock,    *base.log,  *base.metrics},
      retention_{*base.database, *base.clock, *base.log, *base.metrics, kept_for(base.config.retention)},
      sweeper_{*base.database, *base.clock} {
    dispatcher_.add(echo_);
    dispatcher_.add(sleep_);
    dispatcher_.add(exec_);
    dispatcher_.add(models.processor());
    base.upkeep->add({"ended jobs", 10min, [this] { return retention_.piece(); }});
    base.upkeep->add({"keys and events", 1h, [this] { return sweeper_.forget_keys_and_events(); }});
    base.upkeep->add({"totals", 1h, [this] { return sweeper_.fold_totals(); }});
}

void QueueFeature::add_routes(http::Router& router) {
    api::add_job_routes(router, jobs_, *base_.blobs, *base_.clock, base_.config.http.max_body_bytes, *base_.files);
    api::add_result_routes(router, jobs_, *base_.cache);
    api::add_queue_routes(router, queues_, dispatcher_);
    api::add_dead_letter_routes(router, dead_letters_, *base_.clock);
    api::add_lease_routes(router, leases_);
    api::add_flow_routes(router, flows_, *base_.files);
    api::add_schedule_routes(router, schedules_);
    api::add_feedback_routes(router, jobs_, models_.feedback(), *base_.clock);
}

void QueueFeature::start() {
    dispatcher_.start();
    schedules_.start();
}

void QueueFeature::stop(std::chrono::milliseconds patience) {
    schedules_.stop();
    dispatcher_.stop(patience);
}

void QueueFeature::report(api::Readiness& readiness) const {
    if (auto reason = no_room(base_.config); !reason.empty()) readiness.reasons.push_back(std::move(reason));
}

} // namespace millrace::app
