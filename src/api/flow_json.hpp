// Flows between JSON and plain values. Pure.
#pragma once
#include "base/json.hpp"
#include "jobs/flows.hpp"

#include <string>
#include <vector>

namespace millrace::api {

// {"name"?,"jobs":[{"ref","kind",…,"depends_on":["ref" | {"ref","on_failure"} | {"job":"<id>","on_failure"}]}],"callback"?:{job}},
// or {"chain":[job, job, …]}, where each depends on the one before. Takes the payloads out of the document.
Result<jobs::NewFlow> take_flow(json::value& document);

json::object write_flow(const jobs::Flow& flow);       // without its jobs
json::object write_flow(const jobs::FlowGraph& graph); // with nodes and edges

} // namespace millrace::api
