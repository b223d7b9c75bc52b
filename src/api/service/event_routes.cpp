#include "api/service/event_routes.hpp"

#include "api/input.hpp"
#include "api/live/change_text.hpp"
#include "api/routing.hpp"
#include "base/json.hpp"
#include "events/event_log.hpp"
#include "jobs/page.hpp"

#include <fmt/format.h>

#include <charconv>

namespace millrace::api {
namespace {

constexpr int looked_at_once = 1000;
constexpr int most_looked_at = 50'000; // in one request, where a type is seldom

struct EventQuery {
    std::int64_t after = 0;
    std::string type; // "job.dead", or "breaker" for all of breaker.…; empty: any
    int limit = 50;
};

struct EventPage {
    std::vector<events::Event> events;
    std::optional<std::int64_t> next; // there may be more after this one
};

Result<EventQuery> read_query(const http::Query& query) {
    EventQuery wanted;
    const auto limit = page_limit(query);
    if (!limit) return limit.error();
    wanted.limit = *limit;
    for (const auto& [name, value] : query) {
        if (name == "limit") continue;
        if (name == "type") {
            wanted.type = value;
        } else if (name == "after" || name == "cursor") {
            const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), wanted.after);
            if (failure != std::errc{} || end != value.data() + value.size() || wanted.after < 0)
                return Error{Code::invalid_argument,
                             fmt::format("{} must be the id of an event, a whole number", name)};
        } else {
            return Error{Code::unprocessable, fmt::format("there is no filter \"{}\"", name)};
        }
    }
    return wanted;
}

bool fits(const std::string& type, const std::string& wanted) {
    return wanted.empty() || events::type_fits(type, wanted);
}

EventPage read_page(store::OrganizationSession& tenant, const EventQuery& wanted) {
    EventPage page;
    auto after = wanted.after;
    std::size_t bytes = 0;
    for (int looked = 0; looked < most_looked_at; looked += looked_at_once) {
        const int many = wanted.type.empty() ? wanted.limit : looked_at_once;
        auto found = events::events_after(tenant, after, many);
        for (auto& event : found) {
            after = event.id;
            if (fits(event.type, wanted.type)) {
                bytes += 128 + event.subject.size() + event.data.size();
                page.events.push_back(std::move(event));
            }
            if (static_cast<int>(page.events.size()) == wanted.limit || bytes >= jobs::most_page_bytes) {
                page.next = after;
                return page;
            }
        }
        if (static_cast<int>(found.size()) < many) return page;
    }
    page.next = after;
    return page;
}

json::object write_page(const EventPage& page) {
    json::array data;
    for (const auto& event : page.events) data.push_back(write_event_object(event));
    json::object meta{{"next_cursor", nullptr}};
    if (page.next) meta["next_cursor"] = std::to_string(*page.next);
    return {{"data", std::move(data)}, {"meta", std::move(meta)}};
}

} // namespace

void add_event_routes(http::Router& router, store::Database& database) {
    router.add({Verb::get,
                "/api/v1/events",
                [&database](Request& request) -> awaitable<Response> {
                    auto wanted = read_query(request.query);
                    if (!wanted) co_return http::problem(wanted.error(), request.id);
                    auto read = [wanted = std::move(*wanted)](store::OrganizationSession& tenant) -> Result<EventPage> {
                        return read_page(tenant, wanted);
                    };
                    const auto page = co_await database.read(request.principal.organization, std::move(read));
                    if (!page) co_return http::problem(page.error(), request.id);
                    co_return http::json(200, write_page(*page));
                },
                {},
                Permission::events_read});
}

} // namespace millrace::api
