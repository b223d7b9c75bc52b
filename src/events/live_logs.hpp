// The logs of all organisations whose changes somebody follows, and how many may. A log is made for its first follower
// and dropped a minute after the last has gone. Thread-safe.
//
// Nobody may take the streams of all others: a key has its share of them, and so has an organisation.
#pragma once
#include "async/guarded.hpp"
#include "base/result.hpp"
#include "events/live_log.hpp"
#include "values/principal.hpp"

#include <atomic>
#include <memory>
#include <unordered_map>
#include <vector>

namespace millrace::events {

struct LiveLimits {
    std::size_t streams = 16'384, of_key = 256; // an organisation may have three quarters of all
    LiveLogSize log;
};

class LiveLogs {
public:
    explicit LiveLogs(LiveLimits limits = {}) : limits_{limits} {}

    // Counts a stream until it is destroyed. The LiveLogs must outlive it.
    class Ticket {
    public:
        Ticket(LiveLogs& owner, const values::Principal& who)
            : owner_{&owner},
              organization_{who.organization},
              actor_{who.actor} {}
        Ticket(Ticket&& o) noexcept
            : owner_{std::exchange(o.owner_, nullptr)},
              organization_{o.organization_},
              actor_{o.actor_} {}
        Ticket& operator=(Ticket&&) = delete;
        ~Ticket() {
            if (owner_) owner_->leave(organization_, actor_);
        }

    private:
        LiveLogs* owner_;
        OrganizationId organization_;
        ActorId actor_;
    };
    // rate_limited when there are as many as may be; unavailable once it is closed.
    Result<Ticket> admit(const values::Principal& who);
    std::shared_ptr<LiveLog> log_of(const OrganizationId& organization); // made where there is none

    // For whoever appends.
    bool any() const { return logs_ != 0; } // without a lock: nobody follows most of the time
    std::shared_ptr<LiveLog> find(const OrganizationId& organization);
    std::vector<std::pair<OrganizationId, std::shared_ptr<LiveLog>>> all();
    void leave_out(); // in all of them
    void tidy(Monotonic now);

    void close(); // all streams end, and no other begins
    std::size_t streams();

private:
    void leave(const OrganizationId& organization, const ActorId& actor);

    struct State {
        std::unordered_map<OrganizationId, std::shared_ptr<LiveLog>> logs; // shared with their followers
        std::unordered_map<OrganizationId, std::size_t> of_organization;
        std::unordered_map<ActorId, std::size_t> of_actor;
        std::size_t streams = 0;
        bool closed = false;
    };
    const LiveLimits limits_;
    async::Guarded<State> state_;
    std::atomic<std::size_t> logs_{0};
};

} // namespace millrace::events
