// What happens because time passes: limits of attempts and leases, expiries, sweeps.
#include "base/crash_point.hpp"
#include "jobs/dispatcher.hpp"
#include "jobs/events.hpp"
#include "jobs/job_repository.hpp"

#include <algorithm>

namespace millrace::jobs {
namespace {

using namespace std::chrono_literals;

constexpr auto tick_interval = 100ms;                   // how late a time limit may be noticed
constexpr auto request_memory = std::chrono::hours{48}; // of idempotency keys
constexpr int rows_of_a_sweep = 500;                    // of each kind, in one transaction
constexpr int most_folded = 100'000;                    // totals of one sweep
constexpr auto event_memory = std::chrono::hours{24 * 30};

} // namespace

void Dispatcher::tick() {
    const auto at = clock_.monotonic();
    const auto wall = clock_.now();
    for (auto& [id, running] : running_) {
        if (running->ending) continue;
        const auto& deadline_at = running->lease.deadline_at;
        const bool late = at >= running->deadline || (deadline_at && wall >= *deadline_at);
        if (!late && at < running->lease_ends) continue;
        Failure failure{Failure::Kind::retryable,
                        {"timed_out", "the attempt ran longer than its timeout_seconds, or than its job's deadline_at"},
                        {}};
        if (!late) failure.error = {"lease_expired", "the worker sent no heartbeat within its lease"};
        running->stop.emit(asio::cancellation_type::terminal);
        // The lease ends here: what the attempt still returns is refused by the store.
        record({running, std::move(failure), std::nullopt});
    }
    expire_due();
    if (at >= next_second_) {
        next_second_ = at + 1s;
        scheduler_.queue().refresh_ages();
        look_for_room();
        keep_totals_of_given_up();
        if (!settling_ && std::exchange(settle_again_, false)) go_on_settling();
        waiting_gauge_.set(static_cast<std::int64_t>(backlog()));
        running_gauge_.set(static_cast<std::int64_t>(running_.size()));
        for (auto& ended : std::exchange(unrecorded_, {})) ends_.push_back(std::move(ended));
        if (!ends_.empty() && !std::exchange(flushing_, true)) asio::post(thread_.at(0), [this] { flush_ends(); });
    }
    if (at >= next_sweep_) sweep();
    pump();
}

void Dispatcher::look_for_room() {
    auto reason = options_.no_room();
    has_room_ = reason.empty();
    *no_room_.lock() = std::move(reason);
}

// Jobs whose expires_at or deadline_at has come while they waited. Those that run are ended by their own deadline.
void Dispatcher::expire_due() {
    const auto due = limits_.take_due(clock_.now(), 256);
    if (due.empty()) return;
    database_.post_write(
        [due, at = clock_.now()](store::Session& session) -> Result<Settled> {
            crash_point("expire.before_write");
            Settled settled;
            for (const auto& limit : due) expire_job(session, limit.organization, limit.id, at, settled);
            count_totals(session, settled);
            return settled;
        },
        [this, due](Result<Settled> settled) {
            send([this, due, settled = std::move(settled)] {
                if (settled) return settle(*settled);
                for (const auto& limit : due)
                    limits_.set({limit.at + 1s, limit.id, limit.organization}); // the store had no room
            });
        });
}

void Dispatcher::sweep() {
    next_sweep_ = clock_.monotonic() + std::chrono::hours{1};
    sweep_piece();
    fold_totals();
}

// Between two pieces others have the writer: an hour of a busy service leaves a million keys.
void Dispatcher::sweep_piece() {
    database_.post_write(
        [at = clock_.now()](store::Session& session) -> Result<std::int64_t> {
            return std::max({job_repository::forget_requests(session, at - request_memory, rows_of_a_sweep),
                             job_repository::forget_unique(session, at, rows_of_a_sweep),
                             forget_events(session, at - event_memory, rows_of_a_sweep)});
        },
        [this](Result<std::int64_t> most) {
            if (most && *most == rows_of_a_sweep) send([this] { sweep_piece(); });
        });
}

// Found on a reader, for it goes through all of them; added up in pieces.
void Dispatcher::fold_totals() {
    database_.post_read(
        [](store::Session& session) -> Result<std::vector<total_repository::Key>> {
            return total_repository::surplus(session, total_repository::most_rows, most_folded);
        },
        [this](Result<std::vector<total_repository::Key>> surplus) {
            if (!surplus || surplus->empty()) return;
            auto shared = std::make_shared<std::vector<total_repository::Key>>(
                std::move(*surplus)); // by the pieces, one after the other
            send([this, shared = std::move(shared)] { fold_piece(shared); });
        },
        store::ReadTime::unlimited);
}

void Dispatcher::fold_piece(std::shared_ptr<std::vector<total_repository::Key>> surplus) {
    const auto size = std::min<std::size_t>(surplus->size(), rows_of_a_sweep);
    std::vector<total_repository::Key> piece(surplus->end() - static_cast<std::ptrdiff_t>(size), surplus->end());
    surplus->resize(surplus->size() - size);
    database_.post_write(
        [piece = std::move(piece)](store::Session& session) -> Result<void> {
            total_repository::fold(session, piece);
            return success();
        },
        [this, surplus](Result<void> done) {
            if (done && !surplus->empty()) send([this, surplus] { fold_piece(surplus); });
        });
}

void Dispatcher::arm_timer() {
    using std::chrono::microseconds;
    microseconds wait = 60s;
    const auto at = now();
    const auto sooner = [&](microseconds other) { wait = std::min(wait, std::max(other, microseconds{0})); };
    if (!running_.empty() || !unrecorded_.empty()) sooner(tick_interval);
    if (const auto change = scheduler_.next_change(at)) sooner(*change);
    for (const auto& worker : workers_)
        sooner(std::chrono::duration_cast<microseconds>(worker.until - at.steady) + 1us);
    if (const auto limit = limits_.next()) sooner(*limit - at.wall);
    if (wait > 1s && (backlog() > 0 || !limits_.empty())) wait = 1s; // so that a jump of the wall clock is noticed
    // Left alone when it fires soon enough anyway: re-arming costs more than an early tick.
    if (timer_.expiry() > at.steady && timer_.expiry() <= at.steady + wait) return;
    timer_.expires_after(wait);
    timer_.async_wait([this](boost::system::error_code failure) {
        if (!failure) tick();
    });
}

} // namespace millrace::jobs
