// What happens because time passes: limits of attempts and leases, expiries.
#include "base/crash_point.hpp"
#include "jobs/dispatcher.hpp"

#include <algorithm>

namespace millrace::jobs {
namespace {

using namespace std::chrono_literals;

constexpr auto tick_interval = 100ms; // how late a time limit may be noticed

} // namespace

void Dispatcher::tick() {
    end_late();
    expire_due();
    const auto at = clock_.monotonic();
    if (at >= next_second_) {
        next_second_ = at + 1s;
        line().refresh_ages();
        admission_.look_for_room();
        figures_.keep_totals_of_given_up();
        figures_.set(backlog(),
                     static_cast<std::size_t>(std::count_if(attempts_.begin(), attempts_.end(), [](const auto& each) {
                         return each.second->has_begun();
                     })));
        if (!settling_ && std::exchange(settle_again_, false)) go_on_settling();
        ends_.try_again();
    }
    pump();
}

// The lease ends here: what the attempt still returns is refused by the store.
void Dispatcher::end_late() {
    const auto at = now();
    for (const auto& [id, attempt] : attempts_) {
        if (!attempt->under_way()) continue;
        const auto& deadline_at = attempt->lease->deadline_at;
        const bool late = at.steady >= attempt->deadline || (deadline_at && at.wall >= *deadline_at);
        if (!late && at.steady < attempt->lease_ends) continue;
        Failure failure{Failure::Kind::retryable,
                        {"timed_out", "the attempt ran longer than its timeout_seconds, or than its job's deadline_at"},
                        {}};
        if (!late) failure.error = {"lease_expired", "the worker sent no heartbeat within its lease"};
        step(attempt, AttemptEvent::out_of_time);
        end(attempt, std::move(failure));
        attempt->stop.emit(asio::cancellation_type::terminal);
    }
}

// Jobs whose expires_at or deadline_at has come while they waited. Those that run are ended by their own deadline.
void Dispatcher::expire_due() {
    const auto due = limits_.take_due(clock_.now(), 256);
    if (due.empty()) return;
    database_.post_write(
        [due, at = clock_.now()](store::SystemSession& session) -> Result<void> {
            crash_point("expire.before_write");
            Settled settled;
            for (const auto& limit : due) {
                store::OrganizationSession tenant{session, limit.organization};
                expire_job(tenant, limit.id, at, settled);
            }
            publish(session, std::move(settled));
            return success();
        },
        [this, due](const Result<void>& done) {
            if (done) return;
            send([this, due] {
                for (const auto& limit : due)
                    limits_.set({limit.at + 1s, limit.id, limit.organization}); // the store had no room
            });
        });
}

void Dispatcher::arm_timer() {
    using std::chrono::microseconds;
    microseconds wait = 60s;
    const auto at = now();
    const auto sooner = [&](microseconds other) { wait = std::min(wait, std::max(other, microseconds{0})); };
    if (!attempts_.empty() || ends_.waits()) sooner(tick_interval);
    if (const auto change = scheduler_.next_change(at)) sooner(*change);
    if (const auto next = workers_.next_to_go())
        sooner(std::chrono::duration_cast<microseconds>(*next - at.steady) + 1us);
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
