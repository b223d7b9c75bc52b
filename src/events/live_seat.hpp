// A follower as its log has it. Inside the room.
#pragma once
#include "events/live_log.hpp"

namespace millrace::events {

struct LiveLog::Seat {
    const LiveFilter filter;
    const asio::any_io_executor executor;
    asio::steady_timer timer; // on the executor only, as is `woken`
    bool woken = false;

    // ── under the log's lock ──
    std::uint64_t position = 0; // of the next entry; where it waits, all before the log's end was looked at
    std::int64_t number = 0;    // of the last stored event before it
    std::size_t index = 0;      // in the log's list
    bool waits = false;

    Seat(LiveFilter f, const asio::any_io_executor& e) : filter{std::move(f)}, executor{e}, timer{e} {}

    // In no index: looked at for each entry of a kind that it takes.
    bool is_broad() const { return !filter.jobs && filter.queue.empty(); }
    bool takes(LiveEntry::Kind kind) const {
        switch (kind) {
        case LiveEntry::Kind::state: return filter.subject.empty() && filter.takes_type(job_state);
        case LiveEntry::Kind::progress: return filter.subject.empty() && filter.takes_type(job_progress);
        case LiveEntry::Kind::stored: return filter.takes_stored();
        case LiveEntry::Kind::sample: return filter.takes_type(jobs_changed) || filter.takes_type(service_status);
        }
        return true;
    }
};

} // namespace millrace::events
