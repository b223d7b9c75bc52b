#include "api/job_routes.hpp"

#include "api/etag.hpp"
#include "api/input.hpp"
#include "api/job_json.hpp"
#include "api/routing.hpp"
#include "base/encoding.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <charconv>
#include <map>

namespace millrace::api {
namespace {

constexpr int longest_wait_seconds = 60;

// A submit, as JSON or as a form whose file parts are stored first.
struct Submit {
    json::value document;
    std::string fingerprint; // what the Idempotency-Key is bound to
    std::vector<jobs::Effect> effects;
};

struct StoredPart {
    model::BlobRef blob;
    std::string media_type;
};
using Parts = std::map<std::string, StoredPart, std::less<>>;

// Replaces {"$part":"name"} by {"blob":…,"media_type":…} wherever it stands.
Result<void> refer_to_parts(json::value& value, const Parts& parts) {
    if (auto* array = value.if_array()) {
        for (auto& element : *array)
            if (auto done = refer_to_parts(element, parts); !done) return done;
        return success();
    }
    auto* object = value.if_object();
    if (!object) return success();
    if (const auto* name = object->if_contains("$part"); name && object->size() == 1) {
        const auto part = name->is_string() ? parts.find(std::string_view{name->get_string()}) : parts.end();
        if (part == parts.end()) return Error{Code::unprocessable, fmt::format("the form has no file part {}", json::serialize(*name))};
        value = json::object{{"blob", part->second.blob.sha256}};
        return success();
    }
    for (auto& member : *object)
        if (auto done = refer_to_parts(member.value(), parts); !done) return done;
    return success();
}

awaitable<Result<Submit>> read_form(Request& request, blobs::BlobStore& blobs, Timestamp now, std::uint64_t max_upload_bytes) {
    auto form = http::MultipartReader::open(request.header("Content-Type"), *request.body_reader);
    if (!form) co_return form.error();
    std::optional<std::string> job;
    Parts parts;
    for (;;) {
        auto part = co_await form->next();
        if (!part) co_return part.error();
        if (!*part) break;
        const std::string name = (*part)->name, type = (*part)->content_type;
        if (name == "job") {
            if (job) co_return Error{Code::unprocessable, "the form has two parts named \"job\""};
            auto text = co_await form->text(max_json_bytes);
            if (!text) co_return text.error();
            job = std::move(*text);
            continue;
        }
        auto blob = co_await store_part(*form, blobs, max_upload_bytes);
        if (!blob) co_return blob.error();
        if (!parts.emplace(name, StoredPart{*blob, type}).second)
            co_return Error{Code::unprocessable, fmt::format("the form has two parts named \"{}\"", name)};
    }
    if (!job) co_return Error{Code::unprocessable, "the form needs a part \"job\" with the job's JSON"};
    auto document = parse_json(*job);
    if (!document) co_return document.error();
    Submit submit{std::move(*document), std::move(*job), {}};
    if (auto done = refer_to_parts(submit.document, parts); !done) co_return done.error();
    for (const auto& [name, part] : parts) {
        submit.fingerprint += "\n" + name + " " + part.blob.sha256;
        submit.effects.push_back([organization = request.principal.organization, part = part, now](store::Session& session) {
            catalog::add(session, organization, part.blob, part.media_type, now);
        });
    }
    co_return submit;
}

awaitable<Result<Submit>> read_submit(Request& request, blobs::BlobStore& blobs, Timestamp now, std::uint64_t max_upload_bytes) {
    const auto type = media_type(request.header("Content-Type"));
    if (http::equal_ignoring_case(type, "multipart/form-data")) co_return co_await read_form(request, blobs, now, max_upload_bytes);
    if (!http::equal_ignoring_case(type, "application/json"))
        co_return Error{Code::unsupported_type, "send the job as application/json, or as multipart/form-data with its files"};
    auto body = co_await read_body(*request.body_reader, max_json_bytes);
    if (!body) co_return body.error();
    auto document = parse_json(*body);
    if (!document) co_return document.error();
    co_return Submit{std::move(*document), std::move(*body), {}};
}

// The key is bare, as most send it, or a quoted string, as the draft has it.
Result<std::optional<jobs::IdempotentRequest>> idempotency(const Request& request, const std::string& fingerprint) {
    if (!request.headers.has("Idempotency-Key")) return std::optional<jobs::IdempotentRequest>{};
    auto key = request.header("Idempotency-Key");
    if (key.size() >= 2 && key.front() == '"' && key.back() == '"') key = key.substr(1, key.size() - 2);
    if (key.empty() || key.size() > 255) return Error{Code::invalid_argument, "an Idempotency-Key has 1 to 255 characters"};
    return std::optional{jobs::IdempotentRequest{std::string{key}, hex(sha256(fingerprint))}};
}

// Seconds of `Prefer: wait=N` (RFC 7240), 60 at most; nullopt when it does not ask.
std::optional<int> preferred_wait(std::string_view prefer) {
    for (std::size_t at = 0; at < prefer.size();) {
        const auto comma = std::min(prefer.find(',', at), prefer.size());
        auto word = prefer.substr(at, comma - at);
        at = comma + 1;
        while (!word.empty() && word.front() == ' ') word.remove_prefix(1);
        int seconds = 0;
        if (word.starts_with("wait=") && std::from_chars(word.data() + 5, word.data() + word.size(), seconds).ec == std::errc{} && seconds >= 0)
            return std::min(seconds, longest_wait_seconds);
    }
    return std::nullopt;
}

Response accepted(const jobs::Accepted& job) {
    auto response = http::json_text(202, job.body);
    response.set("Location", "/api/v1/jobs/" + job.id.text());
    return response;
}

awaitable<Response> show(jobs::JobService& jobs, const Request& request, JobId id, const Clock& clock) {
    const auto detail = co_await jobs.detail(request.principal.organization, id);
    if (!detail) co_return http::problem(detail.error(), request.id);
    if (!*detail) co_return http::problem({Code::not_found, fmt::format("there is no job {}", id.text())}, request.id);
    co_return http::json_text(200, write_job(**detail, clock.now()));
}

struct JobRoutes {
    jobs::JobService& jobs;
    blobs::BlobStore& blobs;
    const Clock& clock;
    std::uint64_t max_upload_bytes;

    awaitable<Response> submit(Request& request) const {
        auto submit = co_await read_submit(request, blobs, clock.now(), max_upload_bytes);
        if (!submit) co_return http::problem(submit.error(), request.id);
        jobs::Submission submission;
        auto job = read_new_job(submit->document);
        if (!job) co_return http::problem(job.error(), request.id);
        submission.job = std::move(*job);
        auto key = idempotency(request, submit->fingerprint);
        if (!key) co_return http::problem(key.error(), request.id);
        submission.idempotency = std::move(*key);
        submission.effects = std::move(submit->effects);

        const auto wait = preferred_wait(request.header("Prefer"));
        std::optional<jobs::Waiters::Seat> seat;
        if (wait) seat.emplace(jobs.waiters(), submission.id, co_await asio::this_coro::executor);
        const auto job_accepted = co_await jobs.submit(request.principal, std::move(submission));
        if (!job_accepted) co_return http::problem(job_accepted.error(), request.id);
        if (!wait) co_return accepted(*job_accepted);

        if (!job_accepted->replayed) co_await seat->wait(std::chrono::seconds{*wait});
        auto detail = co_await jobs.detail(request.principal.organization, job_accepted->id);
        const bool ended = detail && *detail && model::is_final((*detail)->job.state);
        auto response = ended ? http::json_text(200, write_job(**detail, clock.now())) : accepted(*job_accepted);
        response.set("Preference-Applied", fmt::format("wait={}", *wait));
        co_return response;
    }

    awaitable<Response> list(Request& request) const {
        jobs::job_repository::Filter filter;
        const auto limit = page_limit(request);
        if (!limit) co_return http::problem(limit.error(), request.id);
        filter.limit = *limit;
        for (const auto& [name, value] : request.query) {
            if (auto taken = narrow(filter, name, value); !taken) co_return http::problem(taken.error(), request.id);
        }
        const auto found = co_await jobs.list(request.principal.organization, filter);
        if (!found) co_return http::problem(found.error(), request.id);
        co_return http::json_text(200, write_jobs(*found, *limit, clock.now()));
    }

    static Result<void> narrow(jobs::job_repository::Filter& filter, const std::string& name, const std::string& value) {
        const auto wrong = [&](std::string_view expected) { return Error{Code::unprocessable, fmt::format("{} must be {}", name, expected)}; };
        if (name == "state") {
            filter.state = model::job_state(value);
            if (!filter.state) return wrong("scheduled, blocked, queued, running, succeeded, dead, cancelled or expired");
        } else if (name == "kind") {
            filter.kind = value;
        } else if (name == "queue") {
            filter.queue = value;
        } else if (name == "tag") {
            const auto equals = value.find('=');
            if (equals == std::string::npos || equals == 0) return wrong("name=value");
            filter.tag = {value.substr(0, equals), value.substr(equals + 1)};
        } else if (name == "cursor") {
            filter.before = JobId::parse(value);
            if (!filter.before) return Error{Code::invalid_argument, "cursor is not one that a page before has given"};
        } else if (name == "created_after" || name == "created_before") {
            const auto time = Timestamp::parse(value);
            if (!time) return wrong("an RFC 3339 time such as 2027-01-31T08:00:00Z");
            (name == "created_after" ? filter.created_after : filter.created_before) = time;
        } else if (name != "limit") {
            return Error{Code::unprocessable, fmt::format("there is no filter \"{}\"", name)};
        }
        return success();
    }

    awaitable<Response> get(Request& request) const {
        const auto id = path_id<JobId>(request, "job");
        if (!id) co_return http::problem(id.error(), request.id);
        co_return co_await show(jobs, request, *id, clock);
    }

    using Action = awaitable<Result<void>> (jobs::JobService::*)(model::Principal, JobId);
    awaitable<Response> act(Request& request, Action action) const {
        const auto id = path_id<JobId>(request, "job");
        if (!id) co_return http::problem(id.error(), request.id);
        const auto done = co_await (jobs.*action)(request.principal, *id);
        if (!done) co_return http::problem(done.error(), request.id);
        co_return co_await show(jobs, request, *id, clock);
    }
};

} // namespace

void add_job_routes(http::Router& router, jobs::JobService& jobs, blobs::BlobStore& blobs, const Clock& clock, std::uint64_t max_upload_bytes) {
    const auto routes = std::make_shared<const JobRoutes>(JobRoutes{jobs, blobs, clock, max_upload_bytes}); // shared by its handlers
    router.add({Verb::post, "/api/v1/jobs", [routes](Request& r) { return routes->submit(r); }, BodyPolicy::streamed(max_upload_bytes),
                Role::submitter});
    router.add({Verb::get, "/api/v1/jobs", [routes](Request& r) { return routes->list(r); }, {}, Role::viewer});
    router.add({Verb::get, "/api/v1/jobs/{id}", [routes](Request& r) { return routes->get(r); }, {}, Role::viewer});
    router.add({Verb::post, "/api/v1/jobs/{id}/cancel", [routes](Request& r) { return routes->act(r, &jobs::JobService::cancel); }, {},
                Role::submitter});
    router.add({Verb::post, "/api/v1/jobs/{id}/retry", [routes](Request& r) { return routes->act(r, &jobs::JobService::retry); }, {},
                Role::submitter});
}

} // namespace millrace::api
