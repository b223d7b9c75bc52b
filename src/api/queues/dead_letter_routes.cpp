#include "api/queues/dead_letter_routes.hpp"

#include "api/input.hpp"
#include "api/jobs/job_filter.hpp"
#include "api/jobs/job_input.hpp"
#include "api/jobs/job_json.hpp"
#include "api/queues/dead_letter_json.hpp"
#include "api/routing.hpp"

namespace millrace::api {
namespace {

Response counted(Result<std::size_t> count, bool dry_run, const Request& request) {
    if (!count) return http::problem(count.error(), request.id);
    return http::json(200, json::object{{"count", *count}, {"dry_run", dry_run}});
}

struct DeadLetterRoutes {
    jobs::DeadLetters& dead_letters;
    const Clock& clock;

    awaitable<Response> list(Request& request) const {
        const auto filter = dead_filter(request.query);
        if (!filter) co_return http::problem(filter.error(), request.id);
        const auto found = co_await dead_letters.list(request.principal.organization, *filter);
        if (!found) co_return http::problem(found.error(), request.id);
        co_return http::json_text(200, write_jobs(*found, clock.now()));
    }

    awaitable<Response> replay(Request& request) const {
        const auto document = co_await read_json(request, submit_texts);
        if (!document) co_return http::problem(document.error(), request.id);
        auto wanted = read_replay(*document);
        if (!wanted) co_return http::problem(wanted.error(), request.id);
        if (wanted->dry_run) {
            auto count = co_await dead_letters.count(request.principal.organization, std::move(wanted->replay.filter));
            co_return counted(std::move(count), true, request);
        }
        auto count = co_await dead_letters.replay(request.principal, std::move(wanted->replay));
        co_return counted(std::move(count), false, request);
    }

    awaitable<Response> purge(Request& request) const {
        const auto document = co_await read_json(request);
        if (!document) co_return http::problem(document.error(), request.id);
        auto wanted = read_purge(*document);
        if (!wanted) co_return http::problem(wanted.error(), request.id);
        if (wanted->dry_run) {
            auto count = co_await dead_letters.count(request.principal.organization, std::move(wanted->filter));
            co_return counted(std::move(count), true, request);
        }
        auto count = co_await dead_letters.purge(request.principal, std::move(wanted->filter));
        co_return counted(std::move(count), false, request);
    }
};

} // namespace

void add_dead_letter_routes(http::Router& router, jobs::DeadLetters& dead_letters, const Clock& clock) {
    const auto routes =
        std::make_shared<const DeadLetterRoutes>(DeadLetterRoutes{dead_letters, clock}); // shared by its handlers
    const auto body = BodyPolicy::buffered(max_json_bytes);
    router.add({Verb::get,
                "/api/v1/dead-letters",
                [routes](Request& r) { return routes->list(r); },
                {},
                Permission::dead_letters_read});
    router.add({Verb::post, "/api/v1/dead-letters/replay", [routes](Request& r) { return routes->replay(r); }, body,
                Permission::dead_letters_manage});
    router.add({Verb::post, "/api/v1/dead-letters/purge", [routes](Request& r) { return routes->purge(r); }, body,
                Permission::dead_letters_manage});
}

} // namespace millrace::api
