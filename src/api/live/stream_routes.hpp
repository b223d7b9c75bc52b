// GET /api/v1/events/stream: changes as they happen, as server-sent events.
#pragma once
#include "events/live_logs.hpp"
#include "http/router.hpp"
#include "identity/identity.hpp"
#include "jobs/flows.hpp"
#include "jobs/job_service.hpp"
#include "store/database.hpp"

namespace millrace::api {

struct StreamParts {
    events::LiveLogs& logs;
    identity::Identity& identity;
    store::Database& database;
    jobs::JobService& jobs;
    jobs::Flows& flows;
    const Clock& clock;
};

void add_stream_routes(http::Router& router, const StreamParts& parts); // what it refers to is borrowed

} // namespace millrace::api
