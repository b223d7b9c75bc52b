// The stored events: what operators want to hear of, each written in the transaction that it tells of. Inside store
// tasks.
//
// Their numbers follow the commits: one writer numbers them inside its transactions, one after the other, so a reader
// who asks for what comes after the last number that he has seen misses none. A database with several writers must
// number under a lock that is held until the commit, or leave the numbering to one of them.
#pragma once
#include "base/clock.hpp"
#include "base/id.hpp"
#include "base/json.hpp"
#include "store/database.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::events {

struct Event {
    std::int64_t id = 0;
    std::string type;    // job.dead, breaker.opened, breaker.closed, queue.paused, queue.resumed, schedule.missed …
    std::string subject; // the id or name of what it is about
    std::string data;    // JSON text
    Timestamp at;
};

// On the change feed, for each event that was written.
struct EventWritten {
    OrganizationId organization;
    Event event;
};

void write_event(store::OrganizationSession& tenant, std::string_view type, std::string_view subject,
                 const json::object& data, Timestamp now);
void write_event(store::SystemSession& session, const OrganizationId& organization, std::string_view type,
                 std::string_view subject, const json::object& data, Timestamp now);

// Events of what happened in no transaction: `write` is run in a write of its own, which nobody waits for. When the
// store does not take it, the events are lost. Any thread.
void post_events(store::Database& database, std::function<void(store::SystemSession&)> write);
// One of them.
void post_event(store::Database& database, const OrganizationId& organization, std::string type, std::string subject,
                json::object data, Timestamp now);

// Of one organisation, the oldest first, after the id.
std::vector<Event> events_after(store::OrganizationSession& tenant, std::int64_t id, int limit);
// The ids of its oldest and its newest event; 0 where it has none.
struct EventSpan {
    std::int64_t first = 0, last = 0;
};
EventSpan event_span(store::OrganizationSession& tenant);
std::int64_t forget_events(store::SystemSession& session, Timestamp older_than, int most); // the oldest; says how many

} // namespace millrace::events
