#include "events/event_log.hpp"

#include "base/json_text.hpp"

#include <utility>

namespace millrace::events {
namespace {

constexpr store::Sql insert_event{
    "INSERT INTO events (organization_id, type, subject, data, created_at) VALUES ($1, $2, $3, $4, $5) RETURNING id"};
constexpr store::Sql select_events{"SELECT id, type, subject, data, created_at FROM events WHERE organization_id = $1 "
                                   "AND id > $2 ORDER BY id LIMIT $3"};
constexpr store::Sql select_first{"SELECT id FROM events WHERE organization_id = $1 ORDER BY id LIMIT 1"};
constexpr store::Sql select_last{"SELECT id FROM events WHERE organization_id = $1 ORDER BY id DESC LIMIT 1"};
constexpr store::Sql delete_events{
    "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE created_at < $1 ORDER BY created_at LIMIT $2)"};

} // namespace

void write_event(store::OrganizationSession& tenant, std::string_view type, std::string_view subject,
                 const json::object& data, Timestamp now) {
    Event event{0, std::string{type}, std::string{subject}, json_text(data), now};
    {
        auto rows = tenant.query(insert_event, {event.type, event.subject, event.data, now});
        if (rows.next()) event.id = rows.integer(0);
    }
    tenant.publish(EventWritten{tenant.organization(), std::move(event)});
}

void write_event(store::SystemSession& session, const OrganizationId& organization, std::string_view type,
                 std::string_view subject, const json::object& data, Timestamp now) {
    store::OrganizationSession tenant{session, organization};
    write_event(tenant, type, subject, data, now);
}

void post_events(store::Database& database, std::function<void(store::SystemSession&)> write) {
    auto task = [write = std::move(write)](store::SystemSession& session) -> Result<void> {
        write(session);
        return success();
    };
    database.post_write(std::move(task), [](const Result<void>&) {});
}

void post_event(store::Database& database, const OrganizationId& organization, std::string type, std::string subject,
                json::object data, Timestamp now) {
    post_events(database,
                [organization, type = std::move(type), subject = std::move(subject), data = std::move(data),
                 now](store::SystemSession& session) { write_event(session, organization, type, subject, data, now); });
}

std::vector<Event> events_after(store::OrganizationSession& tenant, std::int64_t id, int limit) {
    auto rows = tenant.query(select_events, {id, limit});
    std::vector<Event> events;
    while (rows.next())
        events.push_back({rows.integer(0), rows.string(1), rows.string(2), rows.string(3), rows.time(4)});
    return events;
}

EventSpan event_span(store::OrganizationSession& tenant) {
    const auto only = [&](const store::Sql& statement) -> std::int64_t {
        auto rows = tenant.query(statement, {});
        return rows.next() ? rows.integer(0) : 0;
    };
    return {only(select_first), only(select_last)};
}

std::int64_t forget_events(store::SystemSession& session, Timestamp older_than, int most) {
    return session.execute(delete_events, {older_than, most});
}

} // namespace millrace::events
