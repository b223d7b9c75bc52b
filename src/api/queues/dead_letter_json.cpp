#include "api/queues/dead_letter_json.hpp"

#include "api/jobs/job_filter.hpp"
#include "api/jobs/job_input.hpp"

#include <fmt/format.h>

namespace millrace::api {
namespace {

// The members that both have.
Result<PurgeRequest> read_choice(const json::object& object) {
    const auto* filter = object.if_contains("filter");
    if (!filter)
        return Error{Code::unprocessable,
                     "\"filter\" is missing: {\"filter\":{\"queue\":\"night\"}}; {\"filter\":{}} is every dead letter"};
    auto chosen = dead_filter(*filter);
    if (!chosen) return chosen.error();
    // Elsewhere null is as good as absent. Here that would be a real purge of somebody who meant to say something.
    for (const auto& [name, value] : object)
        if (value.is_null())
            return Error{Code::unprocessable,
                         fmt::format("\"{}\" is null; leave it out, or say what it is", std::string_view{name})};
    const auto dry_run = boolean_field(object, "dry_run");
    if (!dry_run) return dry_run.error();
    return PurgeRequest{std::move(*chosen), dry_run->value_or(false)};
}

Error no_object() {
    return {Code::unprocessable, "send a JSON object: {\"filter\":{\"queue\":\"night\"},\"dry_run\":true}"};
}

} // namespace

Result<ReplayRequest> read_replay(const json::value& document) {
    const auto* object = document.if_object();
    if (!object) return no_object();
    if (const auto known = only_fields(*object, {"filter", "dry_run", "payload", "rate_per_second"}); !known)
        return known.error();
    auto choice = read_choice(*object);
    if (!choice) return choice.error();
    ReplayRequest request{{std::move(choice->filter), {}, {}}, choice->dry_run};
    request.replay.payload = text_field(*object, "payload");
    const auto rate = number_field(*object, "rate_per_second", 0.001, 1e6);
    if (!rate) return rate.error();
    request.replay.rate_per_second = *rate;
    return request;
}

Result<PurgeRequest> read_purge(const json::value& document) {
    const auto* object = document.if_object();
    if (!object) return no_object();
    if (const auto known = only_fields(*object, {"filter", "dry_run"}); !known) return known.error();
    return read_choice(*object);
}

} // namespace millrace::api
