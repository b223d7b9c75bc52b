// Flows between JSON and plain values. Pure.
#pragma once
#include "base/json.hpp"
#include "jobs/flows.hpp"

#include <array>
#include <string>
#include <vector>

namespace millrace::api {

// {"name"?,"jobs":[{"ref","kind",…,"depends_on":["ref" | {"ref","on_failure"} |
// {"job":"<id>","on_failure"}]}],"callback"?:{job}}, or {"chain":[job, job, …]}, where each depends on the one before.
// Parsed with flow_texts kept; takes the document apart.
inline constexpr std::array flow_texts{KeptMember{"jobs", "payload"}, KeptMember{"chain", "payload"},
                                       KeptMember{"callback", "payload"}};
Result<jobs::NewFlow> take_flow(json::value& document);

json::object write_flow(const jobs::Flow& flow);       // without its jobs
json::object write_flow(const jobs::FlowGraph& graph); // with nodes and edges

} // namespace millrace::api
