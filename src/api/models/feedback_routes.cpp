#include "api/models/feedback_routes.hpp"

#include "api/input.hpp"
#include "api/routing.hpp"
#include "base/json.hpp"
#include "models/traffic.hpp"

#include <fmt/format.h>

namespace millrace::api {
namespace {

constexpr std::size_t longest_label = 256;

struct Word {
    std::optional<std::string> actual;
    std::optional<bool> correct;
};

Result<Word> read_word(const json::object& body) {
    if (const auto known = only_fields(body, {"actual", "correct"}); !known) return known.error();
    auto actual = string_field(body, "actual", longest_label);
    if (!actual) return actual.error();
    const auto correct = boolean_field(body, "correct");
    if (!correct) return correct.error();
    if (actual->has_value() == correct->has_value())
        return Error{Code::unprocessable, "send either the label that was right, {\"actual\":\"7\"}, or whether the "
                                          "prediction was, {\"correct\":false}"};
    return Word{std::move(*actual), *correct};
}

std::optional<std::string> text_member(const json::object& result, std::string_view name) {
    const auto* value = result.if_contains(name);
    if (!value || !value->is_string()) return std::nullopt;
    return std::string{value->get_string()};
}

// Which version is meant, and what it had said.
Result<models::FeedbackNote> note_of(const values::Job& job, const Word& word, Timestamp now) {
    if (job.kind != "infer")
        return Error{Code::unprocessable,
                     fmt::format("feedback is for predictions: jobs of kind infer; this one is of kind {}", job.kind)};
    if (job.state != values::JobState::succeeded)
        return Error{Code::conflict, fmt::format("the job is {}; feedback can be given once it has succeeded",
                                                 values::name(job.state))};
    const auto parsed = parse_json(job.result);
    const auto* object = parsed ? parsed->if_object() : nullptr; // a worker of an external queue may have given any
    const auto result = object ? *object : json::object{};
    const auto model = text_member(result, "model"), version = text_member(result, "model_version"),
               label = text_member(result, "label");
    const auto number = version ? models::version_number(*version) : std::nullopt;
    if (!model || !number) return Error{Code::unprocessable, "the job's result does not tell the version that made it"};
    if (word.actual && !label)
        return Error{Code::unprocessable,
                     "the job's result has no label to compare with; say whether it was right: {\"correct\":false}"};
    return models::FeedbackNote{
        job.id, *model, *number, label, word.actual, word.correct ? *word.correct : word.actual == label, now};
}

json::value value_of(const std::optional<std::string>& text) {
    return text ? json::value(*text) : json::value(nullptr);
}

json::object write_note(const models::FeedbackNote& note) {
    return {{"job", note.job.text()},
            {"model", note.model},
            {"model_version", std::to_string(note.version)},
            {"predicted", value_of(note.predicted)},
            {"actual", value_of(note.actual)},
            {"correct", note.correct},
            {"at", note.at.text()}};
}

struct FeedbackRoutes {
    jobs::JobService& jobs;
    models::Feedback& feedback;
    const Clock& clock;

    awaitable<Response> give(Request& request) const {
        const auto id = path_id<JobId>(request, "job");
        if (!id) co_return http::problem(id.error(), request.id);
        const auto body = co_await read_optional_object(request);
        if (!body) co_return http::problem(body.error(), request.id);
        const auto word = read_word(*body);
        if (!word) co_return http::problem(word.error(), request.id);
        const auto job = co_await jobs.find(request.principal.organization, *id);
        if (!job) co_return http::problem(job.error(), request.id);
        if (!*job) co_return http::problem(millrace::jobs::no_such_job(*id), request.id);
        const auto note = note_of(**job, *word, clock.now());
        if (!note) co_return http::problem(note.error(), request.id);
        const auto given = co_await feedback.give(request.principal, *note);
        if (!given) co_return http::problem(given.error(), request.id);
        co_return http::json(200, write_note(*note));
    }
};

} // namespace

void add_feedback_routes(http::Router& router, jobs::JobService& jobs, models::Feedback& feedback, const Clock& clock) {
    const auto routes =
        std::make_shared<const FeedbackRoutes>(FeedbackRoutes{jobs, feedback, clock}); // shared by its handler
    router.add({Verb::post, "/api/v1/jobs/{id}/feedback", [routes](Request& r) { return routes->give(r); },
                BodyPolicy::buffered(16 << 10), Permission::feedback_send});
}

} // namespace millrace::api
