// What the event streams of one organisation are sent: its latest changes, in the order of the commits, each written
// once and shared. A follower has a place in the log and no queue of its own. So one that reads too slowly costs no
// memory: the log goes on without it, and its place is gone.
//
// Stored events are in the database as well, and are found there by their number for as long as they are kept. Job
// changes are here alone. They are recorded while somebody follows them and for a minute more. A place is gone when the
// log has dropped what came after it or has not recorded it, or is of another epoch: the daemon was restarted, or
// nobody has followed for a minute.
//
// Thread-safe. One thread appends; it wakes the followers that wait for what came, on their own executors.
#pragma once
#include "async/awaitable.hpp"
#include "async/guarded.hpp"
#include "base/clock.hpp"
#include "events/live_entry.hpp"
#include "events/live_place.hpp"

#include <boost/asio/steady_timer.hpp>

#include <array>
#include <atomic>
#include <deque>
#include <unordered_map>

namespace millrace::events {

struct LiveLogSize {
    std::size_t entries = 4096, bytes = 1 << 20; // what is dropped beyond them is the oldest
};

class LiveFollower;

class LiveLog {
public:
    explicit LiveLog(std::string epoch, LiveLogSize size = {});

    // ── for whoever appends ──
    // Whether a change of this job, or any, is followed: else it need not be written.
    bool wants_state(const JobId& job);
    bool wants_progress(const JobId& job);
    bool wants(std::string_view sample) const; // jobs_changed or service_status
    void append(std::vector<LiveEntry> entries);
    void leave_out(); // changes that came were not appended: everybody's place is gone
    // Whether it may be dropped: nobody has followed for a minute. Also ends what is recorded without need.
    bool tidy(Monotonic now);

    void close(); // wakes all: they see it closed

    // The last stored event, as the database has it: asked for once, before the first follower.
    bool knows_last_number();
    void set_last_number(std::int64_t last);

private:
    friend class LiveFollower;
    struct Seat;
    using SeatPtr = std::shared_ptr<Seat>; // shared with a message to its executor that is under way
    enum Demand : unsigned { states = 1, progress = 2, changes = 4, status = 8, single = 16 };

    struct State {
        std::deque<LiveEntryPtr> entries;
        std::size_t bytes = 0;
        std::uint64_t first = 0;       // position of the oldest entry
        std::uint64_t recorded = 0;    // since this one job changes are recorded
        std::int64_t last_number = -1; // not known yet
        std::vector<SeatPtr> seats;    // of all followers
        std::unordered_multimap<JobId, SeatPtr> of_jobs;
        std::unordered_multimap<std::string, SeatPtr> of_queues;
        std::array<std::size_t, 4> waiting{}; // of those that neither index has, for each kind of entry
        std::size_t broad_states = 0, broad_progress = 0, of_changes = 0, of_status = 0;
        Monotonic states_until{}, empty_since{};
        bool keeps_states = false; // since `recorded`
        bool closed = false;

        std::uint64_t next() const { return first + entries.size(); }
        void drop_oldest();
        unsigned demand() const;
    };
    using Woken = std::vector<SeatPtr>;
    static void note(State& state, const LiveEntryPtr& entry, std::uint64_t position, Woken& woken);
    static void wake(State& state, const SeatPtr& seat, std::uint64_t position, Woken& woken);
    static void set_waits(State& state, Seat& seat, bool waits);
    static void tell(const Woken& woken);
    void add(const SeatPtr& seat);
    void remove(const SeatPtr& seat);

    const std::string epoch_;
    const LiveLogSize size_;
    async::Guarded<State> state_;
    std::atomic<unsigned> demand_{0};
};

// One stream's place. Used on one executor. It keeps its log alive.
class LiveFollower {
public:
    // From now on.
    LiveFollower(std::shared_ptr<LiveLog> log, LiveFilter filter, const asio::any_io_executor& executor);
    ~LiveFollower();
    LiveFollower(const LiveFollower&) = delete;
    LiveFollower& operator=(const LiveFollower&) = delete;

    // From there on; false: the place is gone, and it follows from now on still. Before the first take().
    bool resume(const LivePlace& place);
    LivePlace place() const; // of what it has been given

    struct Taken {
        std::vector<LiveEntryPtr> entries; // that the filter takes; none: wait()
        bool lost = false;                 // the place is gone: before these entries others are missing
    };
    Taken take(std::size_t most_bytes);
    // Returns when there may be more, the time is over, the log is closed, or the coroutine is cancelled.
    awaitable<void> wait(std::chrono::milliseconds at_most);
    bool closed() const;

    const LiveFilter& filter() const;
    LiveLog& log() const { return *log_; }

private:
    std::shared_ptr<LiveLog> log_; // shared with the other followers and whoever appends
    LiveLog::SeatPtr seat_;
};

} // namespace millrace::events
