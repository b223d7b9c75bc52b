#include "api/jobs/job_filter.hpp"

#include "api/input.hpp"
#include "api/jobs/job_input.hpp"

#include <fmt/format.h>

namespace millrace::api {
namespace {

constexpr std::size_t most_ids = 10'000;

Error wrong(std::string_view name, std::string_view expected) {
    return {Code::unprocessable, fmt::format("{} must be {}", name, expected)};
}

Result<std::pair<std::string, std::string>> read_tag(std::string_view value) {
    const auto equals = value.find('=');
    if (equals == std::string_view::npos || equals == 0) return wrong("tag", "name=value");
    return std::pair{std::string{value.substr(0, equals)}, std::string{value.substr(equals + 1)}};
}

Result<Timestamp> read_time(std::string_view name, std::string_view value) {
    const auto time = Timestamp::parse(value);
    if (!time) return wrong(name, "an RFC 3339 time such as 2027-01-31T08:00:00Z");
    return *time;
}

Result<JobId> read_cursor(std::string_view value) {
    const auto id = JobId::parse(value);
    if (!id) return Error{Code::invalid_argument, "cursor is not one that a page before has given"};
    return *id;
}

// A value that was read, or the error of reading it.
template <class T, class U>
Result<void> take(Result<T> read, std::optional<U>& target) {
    if (!read) return read.error();
    target = std::move(*read);
    return success();
}

// Of an id, as people copy it.
Result<void> take_beginning(std::string_view value, std::string& target) {
    constexpr std::size_t least = 4, most = 36;
    if (value.size() < least || value.size() > most ||
        value.find_first_not_of("0123456789abcdef-") != std::string_view::npos)
        return wrong("id", "the first 4 to 36 characters of an id, in lower case");
    target = value;
    return success();
}

Result<void> narrow(jobs::job_repository::Filter& filter, std::string_view name, std::string_view value) {
    if (name == "state") {
        filter.state = values::job_state(value);
        return filter.state ? success()
                            : wrong(name, "scheduled, blocked, queued, running, succeeded, dead, cancelled or expired");
    }
    if (name == "kind") return filter.kind = value, success();
    if (name == "queue") return filter.queue = value, success();
    if (name == "tag") return take(read_tag(value), filter.tag);
    if (name == "cursor") return take(read_cursor(value), filter.before);
    if (name == "created_after") return take(read_time(name, value), filter.created_after);
    if (name == "created_before") return take(read_time(name, value), filter.created_before);
    if (name == "id") return take_beginning(value, filter.id_begins);
    if (name == "flow") {
        filter.flow = FlowId::parse(value);
        return filter.flow ? success() : wrong(name, "the id of a flow");
    }
    return Error{Code::unprocessable, fmt::format("there is no filter \"{}\"", name)};
}

Result<void> narrow(jobs::DeadFilter& filter, std::string_view name, std::string_view value) {
    if (name == "kind") return filter.kind = value, success();
    if (name == "queue") return filter.queue = value, success();
    if (name == "error_code") return filter.error_code = value, success();
    if (name == "tag") return take(read_tag(value), filter.tag);
    if (name == "died_after") return take(read_time(name, value), filter.died_after);
    if (name == "died_before") return take(read_time(name, value), filter.died_before);
    if (name == "cursor") return take(read_cursor(value), filter.before);
    return Error{Code::unprocessable, fmt::format("there is no filter \"{}\"", name)};
}

template <class Filter>
Result<Filter> read_query(const http::Query& query) {
    Filter filter;
    const auto limit = page_limit(query);
    if (!limit) return limit.error();
    filter.limit = *limit;
    for (const auto& [name, value] : query) {
        if (query.all(name).size() > 1) return wrong(name, "given once: what is listed has to fit it");
        if (name == "limit") continue;
        if (auto done = narrow(filter, name, value); !done) return done.error();
    }
    return filter;
}

Result<std::vector<JobId>> read_ids(const json::value& value) {
    const auto bad = wrong("\"ids\"", fmt::format("a list of 1 to {} ids of jobs", most_ids));
    const auto* list = value.if_array();
    if (!list || list->empty() || list->size() > most_ids) return bad;
    std::vector<JobId> ids;
    ids.reserve(list->size());
    for (const auto& each : *list) {
        const auto id = each.is_string() ? JobId::parse(std::string_view{each.get_string()}) : std::nullopt;
        if (!id) return bad;
        ids.push_back(*id);
    }
    return ids;
}

} // namespace

Result<jobs::job_repository::Filter> job_filter(const http::Query& query) {
    return read_query<jobs::job_repository::Filter>(query);
}
Result<jobs::DeadFilter> dead_filter(const http::Query& query) { return read_query<jobs::DeadFilter>(query); }

Result<jobs::DeadFilter> dead_filter(const json::value& value) {
    const auto* object = value.if_object();
    if (!object)
        return wrong("\"filter\"",
                     "an object such as {\"queue\":\"night\",\"error_code\":\"timed_out\"}; {} is every dead letter");
    jobs::DeadFilter filter;
    filter.limit = 0;
    for (const auto& each : *object) {
        const std::string_view name{each.key()};
        if (name == "ids") {
            auto ids = read_ids(each.value());
            if (!ids) return ids.error();
            filter.ids = std::move(*ids);
            continue;
        }
        if (name == "cursor") return Error{Code::unprocessable, "\"filter\" takes no cursor: it names all that fit"};
        const auto* text = each.value().if_string();
        if (!text) return wrong(fmt::format("\"{}\"", name), "a text");
        if (auto done = narrow(filter, name, *text); !done) return done.error();
    }
    return filter;
}

} // namespace millrace::api
