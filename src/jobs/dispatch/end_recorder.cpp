#include "jobs/dispatch/end_recorder.hpp"

#include "base/crash_point.hpp"
#include "base/crypto.hpp"

#include <utility>

namespace millrace::jobs {
namespace {

constexpr std::size_t most_ends = 256, most_end_bytes = 4 << 20; // in one write

// What is written anew when the job moves to the history.
std::size_t bytes_of(const EndRecorder::Ended& ended) {
    const auto* success = std::get_if<Success>(&ended.outcome);
    return ended.attempt->lease->payload.size() + (success ? success->result.size() : 0);
}

} // namespace

void EndRecorder::record(Ended ended) {
    ends_.push_back(std::move(ended));
    flush_soon();
}

// What else ends in this turn goes with it.
void EndRecorder::flush_soon() {
    if (!std::exchange(flushing_, true)) later_([this] { flush(); });
}

void EndRecorder::try_again() {
    if (unwritten_.empty()) return;
    for (auto& ended : std::exchange(unwritten_, {})) ends_.push_back(std::move(ended));
    flush_soon();
}

void EndRecorder::flush() {
    flushing_ = false;
    Ends together;
    std::size_t bytes = 0;
    for (auto& ended : std::exchange(ends_, {})) {
        if (together && (together->size() >= most_ends || bytes >= most_end_bytes)) write(std::exchange(together, {}));
        if (!together) together = std::make_shared<std::vector<Ended>>(), bytes = 0;
        bytes += bytes_of(ended);
        together->push_back(std::move(ended));
    }
    if (together) write(together);
}

void EndRecorder::write(const Ends& ends) {
    database_.post_write(
        [this, ends](store::SystemSession& session) -> Result<void> {
            std::vector<AttemptEnd> all;
            for (const auto& [attempt, outcome, policy] : *ends) all.push_back({*attempt->lease, outcome, policy});
            publish(session, end_attempts(session, all, rules_, random64, clock_.now()));
            return success();
        },
        [this, ends](const Result<void>& done) {
            crash_point("end.before_report");
            if (!done) send_([this, ends, why = done.error()] { not_written(ends, why); });
        });
}

// One that can never be written takes no other with it.
void EndRecorder::not_written(const Ends& ends, const Error& why) {
    const bool wait = why.code == Code::storage_full || why.code == Code::unavailable;
    log_.error("ends of jobs could not be recorded; they are tried again",
               {{"jobs", ends->size()}, {"reason", why.detail}});
    for (auto& ended : *ends) {
        if (wait) {
            unwritten_.push_back(std::move(ended));
            continue;
        }
        if (ends->size() == 1)
            ended.outcome =
                Failure{Failure::Kind::permanent, {"internal", "its result could not be stored: " + why.detail}, {}};
        write(std::make_shared<std::vector<Ended>>(1, std::move(ended)));
    }
}

} // namespace millrace::jobs
