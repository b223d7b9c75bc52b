#include "api/live/stream_query.hpp"

#include "values/permission.hpp"

#include <fmt/format.h>

namespace millrace::api {
namespace {

constexpr std::size_t most_types = 50;

Result<std::vector<std::string>> read_types(std::string_view text) {
    std::vector<std::string> types;
    for (;;) {
        const auto comma = text.find(',');
        const auto type = text.substr(0, comma);
        if (type.empty() || types.size() == most_types)
            return Error{Code::invalid_argument,
                         fmt::format("types must be 1 to {} types of events with commas between", most_types)};
        types.emplace_back(type);
        if (comma == std::string_view::npos) return types;
        text.remove_prefix(comma + 1);
    }
}

template <class AnId>
Result<std::optional<AnId>> read_id(std::string_view name, std::string_view text) {
    const auto id = AnId::parse(text);
    if (!id) return Error{Code::invalid_argument, fmt::format("{} must be an id", name)};
    return id;
}

} // namespace

Result<StreamQuery> read_stream_query(const http::Query& query, const values::Principal& who) {
    StreamQuery wanted;
    auto& filter = wanted.filter;
    for (const auto& [name, value] : query) {
        if (name == "types") {
            auto types = read_types(value);
            if (!types) return types.error();
            filter.types = std::move(*types);
        } else if (name == "subject") {
            filter.subject = value;
        } else if (name == "queue") {
            filter.queue = value;
        } else if (name == "job") {
            auto id = read_id<JobId>(name, value);
            if (!id) return id.error();
            wanted.job = *id;
        } else if (name == "flow") {
            auto id = read_id<FlowId>(name, value);
            if (!id) return id.error();
            wanted.flow = *id;
        } else {
            return Error{Code::unprocessable, fmt::format("there is no filter \"{}\"", name)};
        }
    }
    if (wanted.job && wanted.flow) return Error{Code::unprocessable, "follow a job or a flow, not both"};
    if (wanted.job) filter.jobs.emplace({*wanted.job});
    // The subject of most changes is a job: then it is found as one.
    if (const auto job = JobId::parse(filter.subject); job && !wanted.job && !wanted.flow) filter.jobs.emplace({*job});
    filter.may_read_stored = who.may(values::least_role(values::Permission::events_read));
    const bool has_other = filter.takes_unstored() || filter.takes_type(events::job_progress);
    if (!has_other && !filter.may_read_stored)
        return Error{Code::forbidden,
                     fmt::format("stored events need {}, which a key of the role {} has not",
                                 values::name(values::Permission::events_read), values::name(who.role))};
    return wanted;
}

} // namespace millrace::api
