// Takes changes from the feed to the logs that event streams are sent from (events/live_log.hpp).
//
// While nobody follows, the writer's thread looks at one number for each change. While somebody does, it leaves the
// change, which is shared, to this tap's own thread. That thread writes the text of what is followed, once for all, and
// counts the rest for the samples: jobs.changed goes out four times a second at most, however many jobs change, and
// names them only where they are few. What it cannot keep up with is left out: every stream is told that its place is
// gone.
#pragma once
#include "api/live/change_text.hpp"
#include "async/guarded.hpp"
#include "base/clock.hpp"
#include "events/event_log.hpp"
#include "events/feed.hpp"
#include "events/live_logs.hpp"
#include "jobs/dispatcher.hpp"

#include <condition_variable>
#include <memory>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>

namespace millrace::api {

class ChangeTap {
public:
    // Subscribes. Borrows all, and outlives the database's last commit.
    ChangeTap(events::Feed& feed, events::LiveLogs& logs, const Clock& clock);
    ~ChangeTap(); // stop()
    ChangeTap(const ChangeTap&) = delete;
    ChangeTap& operator=(const ChangeTap&) = delete;

    void start();
    void stop();                        // joins its thread. Idempotent
    void hear(jobs::Progress progress); // Dispatcher::on_progress(); any thread

private:
    using Heard =
        std::variant<std::shared_ptr<const jobs::Arrived>, std::shared_ptr<const jobs::Begun>,
                     std::shared_ptr<const jobs::Settled>, std::shared_ptr<const events::EventWritten>, jobs::Progress>;
    void follow(events::Feed& feed);
    void leave(std::vector<Heard>&& heard); // a message for the thread

    // ── on its own thread ──
    struct Sample {
        ChangedJobs jobs;
        std::size_t more = 0;
        Monotonic due{};
        bool empty() const { return jobs.empty() && more == 0; }
    };
    struct Target {
        std::shared_ptr<events::LiveLog> log; // null: nobody follows
        std::vector<events::LiveEntry> entries{};
    };
    void run();
    void write(const std::vector<Heard>& heard);
    void write(const jobs::Arrived& change);
    void write(const jobs::Begun& change);
    void write(const jobs::Settled& change);
    void write(const events::EventWritten& change);
    void write(const jobs::Progress& change);
    template <class Change>
    void write_state(const OrganizationId& organization, const JobId& id, values::JobState state, const Change& change);
    void sample(const OrganizationId& organization, const JobId& id, ChangedJob job);
    Target& target(const OrganizationId& organization);
    void send_samples();
    Monotonic next_sample() const;

    events::LiveLogs& logs_;
    const Clock& clock_;

    std::vector<Heard> heard_; // of this commit; on the writer's thread

    struct Mailbox {
        std::vector<Heard> heard;
        bool left_out = false, waits = false, closing = false;
    };
    async::Guarded<Mailbox> mailbox_;
    std::condition_variable_any wake_;

    // ── on its own thread ──
    std::string at_; // now, as text
    std::unordered_map<OrganizationId, Target> targets_;
    std::unordered_map<OrganizationId, Sample> samples_; // that are not sent yet, or were a moment ago

    std::thread thread_; // last: joined before what it uses goes
};

} // namespace millrace::api
