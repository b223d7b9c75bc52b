#include "api/live/change_tap.hpp"

#include "async/io_pool.hpp"

#include <algorithm>

namespace millrace::api {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_heard = 65'536;                      // that wait for the thread
constexpr std::size_t most_sampled = 100;                       // jobs that one sample names
constexpr auto between_samples = 250ms, between_counts = 500ms; // that name jobs, and that count them alone
constexpr auto between_batches = 10ms;                          // what comes in between is written together
constexpr auto at_rest = 1h;

} // namespace

ChangeTap::ChangeTap(events::Feed& feed, events::LiveLogs& logs, const Clock& clock) : logs_{logs}, clock_{clock} {
    follow(feed);
}

ChangeTap::~ChangeTap() { stop(); }

// Called on the writer's thread: quick.
void ChangeTap::follow(events::Feed& feed) {
    const auto note = [this](const auto& change) {
        if (logs_.any()) heard_.emplace_back(change);
    };
    feed.subscribe<jobs::Arrived>(note);
    feed.subscribe<jobs::Begun>(note);
    feed.subscribe<jobs::Settled>(note);
    feed.subscribe<events::EventWritten>(note);
    feed.subscribe_to_ends([this] {
        if (heard_.empty()) return;
        leave(std::move(heard_));
        heard_.clear();
    });
}

void ChangeTap::hear(jobs::Progress progress) {
    if (!logs_.any()) return;
    std::vector<Heard> heard;
    heard.emplace_back(std::move(progress));
    leave(std::move(heard));
}

void ChangeTap::leave(std::vector<Heard>&& heard) {
    auto box = mailbox_.lock();
    if (box->closing) return;
    if (box->heard.size() + heard.size() > most_heard) {
        box->heard.clear();
        box->left_out = true;
    } else if (box->heard.empty()) {
        box->heard = std::move(heard);
    } else {
        box->heard.insert(box->heard.end(), std::make_move_iterator(heard.begin()),
                          std::make_move_iterator(heard.end()));
    }
    if (std::exchange(box->waits, false)) wake_.notify_one();
}

void ChangeTap::start() {
    thread_ = std::thread{[this] { run(); }};
}

void ChangeTap::stop() {
    {
        auto box = mailbox_.lock();
        box->closing = true;
        box->heard.clear();
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
}

void ChangeTap::run() {
    async::name_this_thread("live");
    for (;;) {
        std::vector<Heard> heard;
        bool left_out = false;
        {
            auto box = mailbox_.lock();
            const auto ready = [&] { return box->closing || box->left_out || !box->heard.empty(); };
            box->waits = true;
            wake_.wait_until(box.mutex(), next_sample(), ready);
            box->waits = false;
            if (box->closing) return;
            heard.swap(box->heard);
            left_out = std::exchange(box->left_out, false);
        }
        if (left_out) logs_.leave_out();
        write(heard);
        send_samples();
        if (!heard.empty()) std::this_thread::sleep_for(between_batches);
    }
}

void ChangeTap::write(const std::vector<Heard>& heard) {
    at_ = clock_.now().text();
    for (const auto& each : heard)
        std::visit(
            [this](const auto& change) {
                if constexpr (std::is_same_v<std::decay_t<decltype(change)>, jobs::Progress>) write(change);
                else write(*change);
            },
            each);
    for (auto& [organization, target] : targets_)
        if (!target.entries.empty()) target.log->append(std::move(target.entries));
    targets_.clear();
}

ChangeTap::Target& ChangeTap::target(const OrganizationId& organization) {
    const auto [at, is_new] = targets_.try_emplace(organization);
    if (is_new) at->second.log = logs_.find(organization);
    return at->second;
}

void ChangeTap::sample(const OrganizationId& organization, const JobId& id, ChangedJob job) {
    auto& its = samples_[organization];
    if (its.more > 0) {
        ++its.more;
    } else if (its.jobs.size() < most_sampled || its.jobs.contains(id)) {
        its.jobs.insert_or_assign(id, job);
    } else { // too many to name: whoever shows them reads them again
        its.more = its.jobs.size() + 1;
        its.jobs.clear();
    }
}

template <class Change>
void ChangeTap::write_state(const OrganizationId& organization, const JobId& id, values::JobState state,
                            const Change& change) {
    auto& to = target(organization);
    if (!to.log) return;
    if (to.log->wants(events::jobs_changed)) sample(organization, id, {state});
    if (to.log->wants_state(id)) to.entries.push_back(change_entry(change, at_));
}

void ChangeTap::write(const jobs::Arrived& change) {
    write_state(change.organization, change.id, change.lease ? values::JobState::running : change.state, change);
}

void ChangeTap::write(const jobs::Begun& change) {
    write_state(change.lease->organization, change.lease->id, values::JobState::running, change);
}

void ChangeTap::write(const jobs::Settled& change) {
    for (const auto& moved : change.jobs) write_state(moved.organization, moved.id, moved.to, moved);
}

void ChangeTap::write(const events::EventWritten& change) {
    auto& to = target(change.organization);
    if (!to.log) return;
    // A pause or an open breaker changes what is said of jobs that have not moved.
    if (to.log->wants(events::jobs_changed) && !change.event.type.starts_with("job."))
        ++samples_[change.organization].more;
    to.entries.push_back(change_entry(change.event));
}

void ChangeTap::write(const jobs::Progress& change) {
    auto& to = target(change.organization);
    if (!to.log) return;
    if (to.log->wants(events::jobs_changed))
        sample(change.organization, change.id, {values::JobState::running, change.percent});
    if (to.log->wants_progress(change.id)) to.entries.push_back(change_entry(change, at_));
}

void ChangeTap::send_samples() {
    const auto now = std::chrono::steady_clock::now();
    std::erase_if(samples_, [&](const auto& each) { return each.second.due <= now && each.second.empty(); });
    for (auto& [organization, sample] : samples_) {
        if (sample.due > now || sample.empty()) continue;
        std::vector<events::LiveEntry> entries;
        entries.push_back(sample_entry(sample.jobs, sample.more, at_));
        if (const auto log = logs_.find(organization)) log->append(std::move(entries));
        sample = {{}, 0, now + (sample.more > 0 ? between_counts : between_samples)};
    }
}

Monotonic ChangeTap::next_sample() const {
    auto next = std::chrono::steady_clock::now() + at_rest;
    for (const auto& [organization, sample] : samples_) next = std::min(next, sample.due);
    return next;
}

} // namespace millrace::api
