// One event stream on its way: what came before, then what comes, until its client goes, its key or session ends, the
// job or flow that it follows ends, or the daemon stops. Runs on its session's io thread. It has no queue: it reads on
// in its organisation's log when the client has taken what was sent.
#pragma once
#include "api/live/followed_jobs.hpp"
#include "events/live_logs.hpp"
#include "events/live_place.hpp"
#include "http/request.hpp"
#include "http/response.hpp"
#include "identity/identity.hpp"
#include "store/database.hpp"

#include <memory>
#include <optional>
#include <string>

namespace millrace::api {

class EventStream {
public:
    // `request` and what else is borrowed outlive it.
    EventStream(http::Request& request, identity::Identity& identity, store::Database& database,
                events::LiveLogs::Ticket place, std::unique_ptr<events::LiveFollower> follower)
        : request_{request},
          identity_{identity},
          database_{database},
          place_{std::move(place)},
          follower_{std::move(follower)} {}

    // What is sent first: how a job is. It follows those jobs to their end, `ends`.
    void begin_with(std::string text, FollowedJobs jobs);

    awaitable<void> run(http::StreamWriter& writer);

private:
    using Steady = std::chrono::steady_clock;

    awaitable<bool> send_past(http::StreamWriter& writer);                                   // since Last-Event-ID
    awaitable<bool> send_stored(http::StreamWriter& writer, std::int64_t after, bool reset); // `reset`: was said
    std::string next_piece();                                                                // empty: nothing came
    std::string why_it_ends();                                                               // empty: it does not
    bool still_allowed();

    http::Request& request_;
    identity::Identity& identity_;
    store::Database& database_;
    events::LiveLogs::Ticket place_;
    std::unique_ptr<events::LiveFollower> follower_;
    std::optional<FollowedJobs> jobs_;
    std::string first_;
    bool lost_ = false;            // its place, just now
    std::int64_t sent_number_ = 0; // stored events up to this one were read from the database
    Steady::time_point next_check_{};
};

} // namespace millrace::api
