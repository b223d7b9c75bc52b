#include "api/jobs/batch.hpp"

#include "api/jobs/job_input.hpp"
#include "api/jobs/job_json.hpp"
#include "http/response.hpp"

#include <fmt/format.h>

#include <iterator>

namespace millrace::api {

Result<std::vector<Result<values::NewJob>>> read_batch(const json::value& document) {
    const auto* object = document.if_object();
    if (!object) return Error{Code::unprocessable, "a batch is a JSON object: {\"jobs\":[{\"kind\":\"echo\"}]}"};
    if (const auto known = only_fields(*object, {"jobs"}); !known) return known.error();
    const auto* value = object->if_contains("jobs");
    const auto* list = value ? value->if_array() : nullptr;
    if (!list || list->empty() || list->size() > most_jobs_a_batch)
        return Error{Code::unprocessable, fmt::format("\"jobs\" must be a list of 1 to {} jobs", most_jobs_a_batch)};
    std::vector<Result<values::NewJob>> wanted;
    wanted.reserve(list->size());
    std::size_t edges = 0;
    for (const auto& each : *list) {
        wanted.push_back(read_new_job(each));
        if (wanted.back()) edges += wanted.back()->depends_on.size();
        if (edges > jobs::most_edges)
            return Error{Code::unprocessable, fmt::format("the jobs of a batch may have {} entries in \"depends_on\" "
                                                          "all together; send them in several batches",
                                                          jobs::most_edges)};
    }
    return wanted;
}

std::string write_batch(const jobs::BatchAccepted& accepted) {
    std::string out = R"({"data":[)";
    out.reserve(16 + accepted.items.size() * 112);
    for (const auto& item : accepted.items) {
        if (&item != &accepted.items.front()) out += ',';
        if (item) { // its own answer, with the status before the rest
            out += item->duplicate ? R"({"status":200,)" : R"({"status":202,)";
            out.append(item->body, 1);
            continue;
        }
        const auto& error = item.error();
        fmt::format_to(std::back_inserter(out),
                       R"({{"status":{},"error":{{"type":"/problems/{}","title":"{}","detail":{}}}}})",
                       http::status_of(error.code), http::slug_of(error.code), http::title_of(error.code),
                       json_text(error.detail));
    }
    return out + "]}";
}

} // namespace millrace::api
