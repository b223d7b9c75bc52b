// What others may know of the present state.
#include "jobs/dispatcher.hpp"

#include <algorithm>

namespace millrace::jobs {

using values::JobState;

QueueCounts& QueueCounts::operator+=(const QueueCounts& other) {
    queued += other.queued;
    running += other.running;
    scheduled += other.scheduled;
    blocked += other.blocked;
    oldest_seconds = std::max(oldest_seconds, other.oldest_seconds);
    external_leases += other.external_leases;
    waiting_workers += other.waiting_workers;
    submitted_per_second += other.submitted_per_second;
    started_per_second += other.started_per_second;
    finished_per_second += other.finished_per_second;
    for (const auto& [state, jobs] : other.ended) ended[state] += jobs;
    return *this;
}

QueueCounts QueueSnapshot::of(const OrganizationId& organization) const {
    QueueCounts sum;
    for (const auto& queue : queues)
        if (queue.organization == organization) sum += queue;
    if (const auto known = ended_elsewhere.find(organization); known != ended_elsewhere.end())
        for (const auto& [state, jobs] : known->second) sum.ended[state] += jobs;
    return sum;
}

QueueCounts Dispatcher::counts(Queue& queue) {
    const auto at = now();
    QueueCounts counts;
    counts.queued = static_cast<std::size_t>(std::max<std::int64_t>(queue.queued, 0));
    counts.scheduled = static_cast<std::size_t>(std::max<std::int64_t>(queue.scheduled, 0));
    counts.blocked = static_cast<std::size_t>(std::max<std::int64_t>(queue.blocked, 0));
    counts.running = queue.running;
    if (const auto oldest = line().oldest(queue); oldest && counts.queued > 0)
        counts.oldest_seconds = std::max(0.0, static_cast<double>((at.wall - *oldest).count()) / 1e6);
    counts.submitted_per_second = queue.submitted.per_second(at.steady);
    counts.started_per_second = queue.started.per_second(at.steady);
    counts.finished_per_second = queue.finished.per_second(at.steady);
    counts.ended = queue.ended;
    counts.mean_run_seconds = queue.mean_seconds.over_all();
    return counts;
}

QueueSnapshot::Queue Dispatcher::look_at(Queue& queue) {
    QueueSnapshot::Queue view;
    static_cast<QueueCounts&>(view) = counts(queue);
    view.organization = queue.organization;
    view.name = queue.name;
    view.breaker = queue.breaker.view(clock_.monotonic());
    return view;
}

QueueSnapshot Dispatcher::look() {
    const auto at = clock_.monotonic();
    QueueSnapshot all;
    figures_.keep_totals_of_given_up();
    all.ended_elsewhere = figures_.ended_elsewhere();
    std::unordered_map<const Queue*, std::size_t> places;
    for (const auto& queue : table_.queues()) {
        places[queue.get()] = all.queues.size();
        all.queues.push_back(look_at(*queue));
    }
    for (auto* resource : table_.resources())
        all.resources.push_back({resource->organization, resource->kind, resource->name, resource->breaker.view(at)});
    const auto of = [&](const QueuePtr& queue) -> QueueCounts& {
        return all.queues[places.at(queue.get())];
    }; // in use, so in the table
    for (const auto& worker : workers_.all()) ++of(worker.queue).waiting_workers;
    for (const auto& [id, attempt] : attempts_)
        if (attempt->external && attempt->has_begun()) ++of(line().at(attempt->job.lane).queue).external_leases;
    for (const auto& each : all.queues) all.total += each;
    for (const auto& [organization, ended] : all.ended_elsewhere)
        for (const auto& [state, jobs] : ended) all.total.ended[state] += jobs;
    return all;
}

void Dispatcher::count_workers(const QueuePtr& queue, std::size_t& waiting, std::size_t& leases) const {
    for (const auto& worker : workers_.all()) waiting += worker.queue == queue;
    for (const auto& [id, attempt] : attempts_)
        leases += attempt->external && attempt->has_begun() && scheduler_.queue().at(attempt->job.lane).queue == queue;
}

awaitable<QueueSnapshot> Dispatcher::snapshot() {
    auto ask = [this](std::function<void(QueueSnapshot)> done) {
        send([this, done = std::move(done)] { done(look()); });
    };
    co_return co_await async::completion<QueueSnapshot>(std::move(ask));
}

awaitable<QueueSnapshot::Queue> Dispatcher::snapshot_of(QueuePtr queue) {
    auto ask = [this, queue = std::move(queue)](std::function<void(QueueSnapshot::Queue)> done) {
        send([this, queue, done = std::move(done)] {
            auto view = look_at(*queue);
            count_workers(queue, view.waiting_workers, view.external_leases);
            done(std::move(view));
        });
    };
    co_return co_await async::completion<QueueSnapshot::Queue>(std::move(ask));
}

awaitable<std::vector<std::optional<int>>> Dispatcher::progress(std::vector<JobId> jobs) {
    using Percents = std::vector<std::optional<int>>;
    auto look = [this, jobs = std::move(jobs)](std::function<void(Percents)> done) {
        send([this, jobs, done = std::move(done)] {
            Percents percents;
            percents.reserve(jobs.size());
            for (const auto& id : jobs) {
                const auto attempt = find(id);
                const bool begun = attempt && attempt->has_begun();
                percents.push_back(begun ? std::optional{attempt->progress} : std::nullopt);
            }
            done(std::move(percents));
        });
    };
    co_return co_await async::completion<Percents>(std::move(look));
}

JobOutlook Dispatcher::look_ahead(const values::Job& job) {
    JobOutlook outlook;
    const auto queue = table_.find_queue(job.organization, job.queue);
    if (!queue) return outlook;
    const auto mean = queue->mean_seconds.find(job.kind);
    const auto attempt = find(job.id);
    if (attempt && attempt->has_begun()) {
        const double spent = std::chrono::duration<double>(clock_.monotonic() - attempt->began).count();
        int percent = attempt->progress;
        if (percent > 0) outlook.seconds_remaining = spent * (100.0 - percent) / percent;
        else if (mean) {
            outlook.seconds_remaining = std::max(0.0, *mean - spent);
            if (*mean > 0) percent = std::min(99, static_cast<int>(100 * spent / *mean));
        }
        outlook.progress_percent = percent;
    } else if (!values::is_final(job.state) && job.state != JobState::blocked) {
        // A blocked job has no place in the line, and nobody knows when it gets one.
        const auto owner = line().owners().find_or_add(job.organization, job.created_by);
        const auto lane = scheduler_.lane(job.organization, job.queue, job.kind, job.resource);
        outlook.position =
            line().position({job.id, job.run_at, lane, static_cast<unsigned>(job.priority) & 0xF, owner});
        const double rate = queue->finished.per_second(clock_.monotonic());
        if (mean) outlook.seconds_remaining = *mean + (rate > 0 ? static_cast<double>(*outlook.position) / rate : 0);
    }
    return outlook;
}

Standing Dispatcher::look_at(const values::Job& job) {
    const auto lane = scheduler_.lane(job.organization, job.queue, job.kind, job.resource);
    auto standing = scheduler_.standing(lane, now());
    count_workers(line().at(lane).queue, standing.waiting_workers, standing.external_leases);
    if (const auto* its = processor(job.kind); its && !standing.external)
        standing.obstacle = its->obstacle(job.organization, job.resource);
    const auto attempt = find(job.id);
    standing.begun = attempt && attempt->has_begun();
    standing.outlook = look_ahead(job);
    return standing;
}

awaitable<JobOutlook> Dispatcher::outlook(values::Job job) {
    auto look = [this, job = std::move(job)](std::function<void(JobOutlook)> done) {
        send([this, job, done = std::move(done)] { done(look_ahead(job)); });
    };
    co_return co_await async::completion<JobOutlook>(std::move(look));
}

awaitable<Standing> Dispatcher::standing(values::Job job) {
    auto look = [this, job = std::move(job)](std::function<void(Standing)> done) {
        send([this, job, done = std::move(done)] { done(look_at(job)); });
    };
    co_return co_await async::completion<Standing>(std::move(look));
}

} // namespace millrace::jobs
