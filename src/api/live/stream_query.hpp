// What a request for an event stream asks for. Pure.
#pragma once
#include "events/live_entry.hpp"
#include "http/request.hpp"

namespace millrace::api {

struct StreamQuery {
    events::LiveFilter filter;  // of a job: with that job; of a flow: without its jobs still
    std::optional<JobId> job;   // to its end
    std::optional<FlowId> flow; // to its end
};

// unprocessable for a parameter that there is not, or those that do not go together; invalid_argument for an id that is
// none; forbidden where nothing but stored events is asked for, by one who may not read them.
Result<StreamQuery> read_stream_query(const http::Query& query, const values::Principal& who);

} // namespace millrace::api
