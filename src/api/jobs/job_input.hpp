// The JSON of a submit as a plain value. Pure. Errors are unprocessable and name the member that is wrong.
//
// A payload is passed on as it was sent: the document is parsed with the members of `submit_texts` kept
// (base/json.hpp).
#pragma once
#include "base/json.hpp"
#include "values/job.hpp"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace millrace::api {

inline constexpr std::array submit_texts{KeptMember{"", "payload"}};

Result<values::NewJob> read_new_job(const json::value& document);
// Without "depends_on", which means something else in a flow; `object` must not have it any more.
Result<values::NewJob> read_new_job(const json::object& object);
Result<values::NewJob> read_new_job_text(std::string_view text); // the JSON of a submit
// The text of a kept member: "payload", "result". nullopt when it is absent; null is a value like any other.
std::optional<std::string> text_field(const json::object& object, std::string_view name);

// An edge to a job: "id", or {"job":"id","on_failure":"fail"}.
Result<values::Dependency> read_dependency(const json::value& value);
// The member "on_failure" of an edge; fail unless given.
Result<values::OnFailure> read_on_failure(const json::object& edge);

Result<std::optional<Timestamp>> time_field(const json::object& object, std::string_view name);

} // namespace millrace::api
