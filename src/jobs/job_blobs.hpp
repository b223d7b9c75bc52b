// Which blobs a job refers to: those that its payload names as {"blob":"<sha256>"}, and those that its result brought.
// A blob in use by a job that has not ended is not deleted; one that is there for jobs alone goes with the last of
// them. Every way in which a job is stored, and every way in which one is deleted, goes through here. Called only
// inside store tasks.
#pragma once
#include "base/id.hpp"
#include "base/json.hpp"
#include "store/sql.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace millrace::jobs::job_blobs {

// Of one job, and of all jobs of one document: it is stored in one transaction, and others wait for the writer.
constexpr std::size_t most_of_job = 256, most_of_document = 4000;

// Whether the payload may name a blob: a search for a word, which spares most payloads being parsed.
bool may_name(std::string_view payload);
// What it names, each once; unprocessable when it names more than one job may. Pure.
Result<std::vector<std::string>> named(const json::value& payload);
// What a stored payload names.
void note(store::OrganizationSession& tenant, JobId job, std::string_view payload);
void add(store::OrganizationSession& tenant, JobId job, const std::string& sha256);
// With the job: blobs that no other job refers to, and that were kept for jobs alone, expire now.
void forget(store::SystemSession& session, JobId job, Timestamp now);

} // namespace millrace::jobs::job_blobs
