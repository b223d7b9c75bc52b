// What becomes of jobs once they are taken: attempts, their ends, and what comes too late.
#include "unit/jobs/dispatch/simulation.hpp"

namespace millrace::jobs::test {

using values::JobState;
using Kind = Failure::Kind;

void Simulation::take() {
    for (auto most = 1 + dice_.below(4); most > 0; --most) {
        onlooker_.looks(*daemon_, now());
        const auto taken = daemon_->scheduler.take(1, now());
        if (taken.empty()) return;
        onlooker_.began(*daemon_, taken[0], false, now());
        claim(taken[0], false);
    }
}

void Simulation::take_external() {
    auto& queue =
        *daemon_->table.queue(dice_.any_of(organizations_), quiet_ || !dice_.one_in(10) ? "outside" : "default");
    onlooker_.looks(*daemon_, now());
    const auto taken = daemon_->scheduler.take_external(queue, 1, now());
    if (taken.empty()) return;
    onlooker_.began(*daemon_, taken[0], true, now());
    claim(taken[0], true);
}

void Simulation::claim(const Waiting& job, bool external) {
    const auto length = external ? std::optional{std::chrono::milliseconds{500 + dice_.below(10'000)}} : std::nullopt;
    const auto lease = commit([&] { return store_.try_claim(job.id, length); }, [](const auto&) {});
    if (!lease) {
        tell("nothing to claim of " + short_name(job.id));
        daemon_->scheduler.ended(job.lane, AttemptVerdict::nothing, now());
        daemon_->unclaimed.insert(job.id);
        return;
    }
    tell("claim " + short_name(job.id) + ", attempt " + std::to_string(lease->attempt));
    require(!daemon_->running.contains(job.id), "two attempts of a job at once");
    require(!store_.try_claim(job.id), "a running job was claimed again");
    check_parents(job.id);
    daemon_->begin(*lease, job, length, now());
    store::OrganizationSession tenant{store_.session, lease->organization};
    for (const auto& ghost : ghosts_)
        if (ghost.lease.id == job.id)
            require(!attempt_repository::find(tenant, job.id, ghost.lease.token), "two attempts of a job can write");
}

// What began has nobody left to wait for, unless somebody asked for it again.
void Simulation::check_parents(JobId id) {
    const auto& fate = fates_.at(id);
    if (fate.replays > 0) return;
    store::OrganizationSession tenant{store_.session, fate.organization};
    for (const auto& dependency : job_repository::dependencies(tenant, id)) {
        const auto state = store_.job_of(fate.organization, dependency.parent).state;
        const bool held = dependency.on_failure == values::OnFailure::ignore
                              ? !values::is_final(state) && fates_.at(dependency.parent).replays == 0
                              : state != JobState::succeeded;
        require(!held, "job " + short_name(id) + " began before its parents let it");
    }
}

void Simulation::work() {
    if (daemon_->running.empty()) return;
    const auto attempt = dice_.any_of(daemon_->running).second;
    Outcome outcome = Success{"1", {}};
    const auto luck = dice_.below(10);
    const auto kind = luck < 4    ? Kind::retryable
                      : luck == 4 ? Kind::permanent
                      : luck == 5 ? Kind::worker_lost
                                  : Kind::spared;
    if (!quiet_ && luck < 7)
        outcome = Failure{kind,
                          {"broken", "it broke"},
                          dice_.one_in(5) ? std::optional{std::chrono::milliseconds{dice_.below(5000)}} : std::nullopt};
    end(attempt, outcome);
}

void Simulation::end(SimulatedAttempt attempt, Outcome outcome, bool its_worker_goes_on) {
    const auto id = attempt.lease.id;
    auto& fate = fates_.at(id);
    const auto* failure = std::get_if<Failure>(&outcome);
    const auto seen = [&](const Settled& settled) {
        saw(settled);
        require(!settled.empty(), "an attempt whose lease is good could not write its end");
        const auto to = settled.jobs.front().to;
        tell("end " + short_name(id) + ": " + std::string{values::name(to)});
        if (its_worker_goes_on) lose(attempt);
        if (!failure || (failure->kind != Kind::retryable && failure->kind != Kind::worker_lost)) return;
        ++fate.failures;
        if (failure->kind == Kind::worker_lost) ++fate.ended_workers;
        require(fate.failures <= fate.allowed, "job " + short_name(id) + " had more attempts than it is allowed");
        if (to == JobState::dead && !fate.may_give_up)
            require(fate.failures == fate.allowed || fate.ended_workers == store_.rules.max_worker_kills,
                    "job " + short_name(id) + " was given up too early");
    };
    const auto settled = commit([&] { return store_.end(attempt.lease, outcome, {}, dice_.bits()); }, seen);
    daemon_->recorded(attempt, outcome, settled, now());
}

void Simulation::heartbeat() {
    if (daemon_->running.empty()) return;
    auto& attempt = dice_.any_of(daemon_->running).second;
    if (!attempt.external) return;
    store::OrganizationSession tenant{store_.session, attempt.lease.organization};
    require(attempt_repository::heartbeat(tenant, attempt.lease.id, attempt.lease.token, 50),
            "a good lease was refused its heartbeat");
    attempt.ends = std::max(attempt.ends, steady_ + *attempt.external);
}

void Simulation::haunt() {
    if (ghosts_.empty()) return;
    const auto ghost = dice_.any_of(ghosts_);
    const auto changes = store_.transaction.changed_rows();
    store::OrganizationSession tenant{store_.session, ghost.lease.organization};
    const auto luck = dice_.below(4);
    if (luck == 0) attempt_repository::heartbeat(tenant, ghost.lease.id, ghost.lease.token, 99);
    else if (luck == 1) attempt_repository::release(store_.session, ghost.lease.id, ghost.lease.token);
    else if (luck == 2) store_.end(ghost.lease, Success{"\"of a ghost\"", {}});
    else store_.end(ghost.lease, Failure{static_cast<Kind>(dice_.below(4)), {"broken", "by a ghost"}, {}});
    require(store_.transaction.changed_rows() == changes, "a stale lease wrote");
}

} // namespace millrace::jobs::test
