// The JSON of a submit as a plain value. Pure. Errors are unprocessable and name the member that is wrong.
#pragma once
#include "base/json.hpp"
#include "model/job.hpp"

#include <optional>
#include <string>
#include <vector>

namespace millrace::api {

Result<model::NewJob> read_new_job(const json::value& document);
// The same, taking the payload out of the document instead of copying it.
Result<model::NewJob> take_new_job(json::value& document);
// Without "depends_on", which means something else in a flow; `object` must not have it any more.
Result<model::NewJob> take_new_job(json::object& object);

// An edge to a job: "id", or {"job":"id","on_failure":"fail"}.
Result<model::Dependency> read_dependency(const json::value& value);
// The member "on_failure" of an edge; fail unless given.
Result<model::OnFailure> read_on_failure(const json::object& edge);

Result<std::optional<Timestamp>> time_field(const json::object& object, std::string_view name);

} // namespace millrace::api
