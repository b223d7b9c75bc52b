#include "unit/jobs/dispatch/simulation.hpp"

namespace millrace::jobs::test {
namespace {

using values::JobState;
using Kind = Failure::Kind;

constexpr std::array<std::string_view, 3> queue_names{"default", "narrow", "outside"};

} // namespace

Simulation::Simulation(std::uint64_t seed)
    : dice_{seed},
      onlooker_{limits_ = {1 + dice_.below(5), 1 + dice_.below(3), std::chrono::seconds{1 + dice_.below(8)}}} {
    organizations_ = {organization(1), organization(2)};
    store_.rules = {static_cast<int>(2 + dice_.below(4)), static_cast<int>(1 + dice_.below(3))};
    for (const auto& of : organizations_) {
        store_.session.execute("INSERT INTO organizations (id, name, created_at) VALUES ($1, $2, 1)", {of, of.text()});
        QueueRules rules;
        rules.settings.external = true;
        store::OrganizationSession tenant{store_.session, of};
        queue_repository::save(tenant, "outside", rules, store_.now);
    }
    start();
}

void Simulation::pass(std::chrono::microseconds time) {
    store_.now = store_.now + time;
    steady_ += time;
}

void Simulation::saw(const Stored& stored, const values::Job& job) {
    if (!stored.duplicate)
        fates_[job.id] = {job.organization,           job.max_attempts, 0, values::is_final(stored.state), 0,
                          job.deadline_at.has_value()};
}

void Simulation::saw(const Settled& settled) {
    for (const auto& moved : settled.jobs) {
        auto& fate = fates_.at(moved.id);
        if (values::is_final(moved.to)) {
            ++fate.ends;
            require(fate.ends == fate.replays + 1, "job " + short_name(moved.id) + " ended twice");
        } else if (values::is_final(moved.from)) {
            ++fate.replays;
            fate.failures = fate.ended_workers = 0;
        }
    }
}

void Simulation::start() {
    if (daemon_) {
        tell("the daemon dies");
        for (const auto& [id, attempt] : daemon_->running)
            if (!attempt.external) lose(attempt);
    }
    daemon_ = std::make_unique<SimulatedDaemon>(store_, steady_, limits_);
    onlooker_.restarted();
    const auto died_for_good = [&] { return store_.number("SELECT count(*) FROM finished_jobs"); };
    const auto before = died_for_good();
    daemon_->recover(now());
    if (died_for_good() == before) return;
    // Who was dead before is not counted again: the store says who is.
    for (auto& [id, fate] : fates_)
        if (fate.ends == fate.replays && values::is_final(store_.job_of(fate.organization, id).state)) ++fate.ends;
}

// ── what happens ─────────────────────────────────────────────────────────────────────────────────────────────────

void Simulation::submit() {
    auto wanted = store_.prepared();
    auto& job = wanted.job;
    job.id = job_id(++made_);
    job.organization = dice_.any_of(organizations_);
    job.created_by = key(static_cast<std::uint8_t>(1 + dice_.below(3)));
    job.queue = queue_names[dice_.below(queue_names.size())];
    job.kind = dice_.one_in(3) ? "scarce" : "echo";
    if (job.kind == "scarce" && dice_.one_in(2)) job.resource = "model";
    job.priority = static_cast<int>(dice_.below(10));
    job.max_attempts = static_cast<int>(1 + dice_.below(4));
    job.timeout_seconds = 0.5 + static_cast<double>(dice_.below(20));
    if (dice_.one_in(4)) job.run_at = store_.now + dice_.up_to(20s);
    if (dice_.one_in(6)) job.expires_at = job.run_at + dice_.up_to(30s);
    if (dice_.one_in(5)) job.deadline_at = job.run_at + dice_.up_to(60s);
    if (job.run_at > store_.now) job.state = JobState::scheduled;
    if (dice_.one_in(8)) {
        job.unique_key = std::string{"key"} + static_cast<char>('0' + dice_.below(3));
        wanted.unique = values::Unique{.key = job.unique_key, .period = {}};
    }
    if (dice_.one_in(4))
        for (const auto& [id, fate] : fates_)
            if (fate.organization == job.organization && wanted.depends_on.size() < 3 && dice_.one_in(8))
                wanted.depends_on.push_back({id, static_cast<values::OnFailure>(dice_.below(3))});
    const auto id = job.id;
    const auto stored =
        commit([&] { return store_.in(wanted.job.organization, wanted); }, [&](const Stored& its) { saw(its, job); });
    if (stored.duplicate) return;
    tell("submit " + short_name(id) + " to " + stored.queue + ", " + std::string{values::name(stored.state)});
    job.state = stored.state;
    if (!values::is_final(job.state)) daemon_->arrive(job, now());
}

void Simulation::cancel() {
    if (fates_.empty()) return;
    const auto& [id, fate] = dice_.any_of(fates_);
    tell("cancel " + short_name(id));
    Settled settled = commit(
        [&, its = fate.organization, job = id] {
            Settled all;
            store::OrganizationSession tenant{store_.session, its};
            end_job(tenant, job, JobState::cancelled, values::JobError{"cancelled", ""}, store_.now, all);
            publish(store_.session, all);
            return all;
        },
        [&](const Settled& its) { saw(its); });
    const auto at = daemon_->running.find(id);
    if (at != daemon_->running.end()) {
        require(!settled.empty(), "a running job could not be cancelled");
        lose(at->second);
        const auto lane = at->second.job.lane;
        daemon_->running.erase(at);
        daemon_->scheduler.ended(lane, AttemptVerdict::nothing, now());
    }
    daemon_->settle(settled, now());
}

void Simulation::replay() {
    if (fates_.empty()) return;
    const auto& [id, fate] = dice_.any_of(fates_);
    const auto due = dice_.one_in(3) ? store_.now + dice_.up_to(5s) : store_.now;
    auto settled = commit(
        [&, its = fate.organization, job = id] {
            store::OrganizationSession tenant{store_.session, its};
            Settled all;
            if (auto moved = replay_job(tenant, job, due, std::nullopt, store_.now))
                all.jobs.push_back(std::move(*moved));
            return all;
        },
        [&, job = id](const Settled& its) {
            saw(its);
            if (!its.empty()) fates_.at(job).may_give_up = false; // its deadline does not bind it any more
        });
    if (settled.empty()) return;
    tell("replay " + short_name(id));
    daemon_->settle(settled, now());
}

void Simulation::change_rules() {
    const auto& of = dice_.any_of(organizations_);
    auto& queue = *daemon_->table.queue(of, queue_names[dice_.below(queue_names.size())]);
    auto rules = *queue.rules();
    const auto rate = rules.settings.rate;
    switch (dice_.below(4)) {
    case 0:
        rules.pause =
            values::Pause{store_.now, dice_.one_in(2) ? std::optional{store_.now + dice_.up_to(20s)} : std::nullopt, "",
                          ""};
        break;
    case 1: rules.pause.reset(); break;
    case 2: rules.settings.concurrency = dice_.one_in(2) ? std::optional{1 + dice_.below(3)} : std::nullopt; break;
    case 3:
        rules.settings.rate =
            dice_.one_in(2) ? std::optional{0.2 + static_cast<double>(dice_.below(40)) / 10} : std::nullopt;
        break;
    }
    commit(
        [&] {
            store::OrganizationSession tenant{store_.session, of};
            queue_repository::save(tenant, queue.name, rules, store_.now);
            return true;
        },
        [](bool) {});
    tell("rules of " + queue.name + ": " + json::serialize(rules.settings.to_json()) + (rules.pause ? ", paused" : ""));
    if (rules.settings.rate != rate) onlooker_.rate_changed(queue);
    daemon_->set_rules(queue, std::move(rules));
}

// Somebody sets the wall clock.
void Simulation::jump() {
    const auto by = dice_.up_to(dice_.one_in(5) ? std::chrono::microseconds{1h} : std::chrono::microseconds{30s});
    store_.now = dice_.one_in(2) ? store_.now + by : store_.now - by;
    tell("the wall clock jumps to " + store_.now.text());
}

// ── what time brings ─────────────────────────────────────────────────────────────────────────────────────────────

void Simulation::tick() {
    std::vector<SimulatedAttempt> over;
    for (const auto& [id, attempt] : daemon_->running)
        if (attempt.ends <= steady_) over.push_back(attempt);
    for (const auto& attempt : over) {
        tell("time is over for " + short_name(attempt.lease.id));
        end(attempt, Failure{Kind::retryable, {"timed_out", ""}, {}}, true);
    }
    expire();
}

void Simulation::expire() {
    for (auto due = daemon_->limits.take_due(store_.now, 1); !due.empty();
         due = daemon_->limits.take_due(store_.now, 1)) {
        const auto limit = due.front();
        const auto settled = commit(
            [&] {
                Settled all;
                store::OrganizationSession tenant{store_.session, limit.organization};
                expire_job(tenant, limit.id, store_.now, all);
                publish(store_.session, all);
                return all;
            },
            [&](const Settled& its) { saw(its); });
        if (!settled.empty()) tell("expire " + short_name(limit.id));
        daemon_->settle(settled, now());
    }
}

void Simulation::step() {
    pass(dice_.one_in(6) ? dice_.up_to(10s) : dice_.up_to(300ms));
    tick();
    const auto luck = dice_.below(100);
    if (luck < 24) submit();
    else if (luck < 48) take();
    else if (luck < 56) take_external();
    else if (luck < 74) work();
    else if (luck < 78) heartbeat();
    else if (luck < 86) haunt();
    else if (luck < 90) cancel();
    else if (luck < 92) replay();
    else if (luck < 96) change_rules();
    else if (luck < 98) jump();
    else if (luck < 99) start();
}

void Simulation::run() {
    const auto steps = 60 + dice_.below(140);
    for (std::size_t i = 0; i < steps; ++i) {
        try {
            step();
        } catch (const PowerCut&) { start(); }
        onlooker_.check(*daemon_, store_);
    }
    drain();
    finish();
}

// Nothing is in the way any more: all that can end does, within a bounded time.
void Simulation::drain() {
    quiet_ = true;
    tell("the world runs empty");
    for (const auto& queue : daemon_->table.queues()) {
        QueueRules rules;
        rules.settings.external = queue->rules()->settings.external;
        onlooker_.rate_changed(*queue);
        daemon_->set_rules(*queue, rules);
    }
    run_empty();
    pass(24h); // whoever waits for another has a deadline, or waits for a parent that failed
    run_empty();
}

void Simulation::run_empty() {
    for (int turn = 0; turn < 3000; ++turn) {
        tick();
        take();
        take_external();
        work();
        const auto waiting = daemon_->scheduler.queue().queued() + daemon_->scheduler.queue().scheduled();
        if (waiting == 0 && daemon_->running.empty()) break;
        if (daemon_->running.empty())
            pass(std::max<std::chrono::microseconds>(
                1ms, std::min<std::chrono::microseconds>(20s, daemon_->scheduler.next_change(now()).value_or(1s))));
    }
    onlooker_.check(*daemon_, store_);
    require(store_.number("SELECT count(*) FROM jobs WHERE state <> 'blocked'") == 0,
            "jobs wait for ever although nothing is in their way");
}

void Simulation::finish() {
    require(store_.number("SELECT count(*) FROM jobs WHERE state <> 'blocked' OR deadline_at IS NOT NULL") == 0,
            "a job outlived its deadline");
    require(store_.number("SELECT count(*) FROM jobs j WHERE NOT EXISTS (SELECT 1 FROM job_dependencies d LEFT JOIN "
                          "finished_jobs f ON f.id = d.parent_id "
                          "WHERE d.job_id = j.id AND d.settled = 0 AND (f.id IS NULL OR (f.state <> 'succeeded' AND "
                          "d.on_failure = 'wait')))") == 0,
            "a job is blocked although none of its parents holds it");
    const auto blocked = store_.number("SELECT count(*) FROM jobs"),
               ended = store_.number("SELECT count(*) FROM finished_jobs");
    require(static_cast<std::size_t>(blocked + ended) == fates_.size(),
            fmt::format("{} jobs were submitted, {} are there", fates_.size(), blocked + ended));
    for (const auto& [id, fate] : fates_) {
        const bool is_final = values::is_final(store_.job_of(fate.organization, id).state);
        require(fate.ends == fate.replays + (is_final ? 1 : 0),
                "job " + short_name(id) + " ended another number of times than it was run");
    }
    require(store_.number("SELECT count(*) FROM finished_jobs WHERE result = '\"of a ghost\"'") == 0,
            "a stale result was kept");
    require(store_.number("SELECT count(*) FROM finished_jobs WHERE state = 'succeeded' AND result IS NULL") == 0,
            "a result was lost");
}

} // namespace millrace::jobs::test
