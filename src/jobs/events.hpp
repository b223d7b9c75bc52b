// What operators want to hear of, in the order in which it was committed: written in the transaction that it tells of.
#pragma once
#include "base/clock.hpp"
#include "base/json.hpp"
#include "store/database.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::jobs {

struct Event {
    std::int64_t id = 0;
    std::string type;    // job.dead, breaker.opened, breaker.closed, queue.paused, queue.resumed, schedule.missed …
    std::string subject; // the id or name of what it is about
    std::string data;    // JSON text
    Timestamp at;
};

void write_event(store::Session& session, const OrganizationId& organization, std::string_view type,
                 std::string_view subject, const json::object& data, Timestamp now);

// Of one organisation, the oldest first, after the id.
std::vector<Event> events_after(store::TenantSession& tenant, std::int64_t id, int limit);
std::int64_t forget_events(store::Session& session, Timestamp older_than, int most); // the oldest; says how many

} // namespace millrace::jobs
