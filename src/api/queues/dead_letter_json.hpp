// What an operator asks to be done with dead letters. Pure.
#pragma once
#include "base/json.hpp"
#include "jobs/dead_letters.hpp"

namespace millrace::api {

struct ReplayRequest {
    jobs::Replay replay;
    bool dry_run = false;
};
// {"filter":{…},"dry_run"?,"payload"?,"rate_per_second"?}. The filter must be said, {} for all: a forgotten one is an
// error, not everything.
Result<ReplayRequest> read_replay(const json::value& document);

struct PurgeRequest {
    jobs::DeadFilter filter;
    bool dry_run = false;
};
Result<PurgeRequest> read_purge(const json::value& document); // {"filter":{…},"dry_run"?}

} // namespace millrace::api
