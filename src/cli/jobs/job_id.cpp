#include "cli/jobs/job_id.hpp"

#include "cli/target.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace millrace::cli {

std::string whole_job_id(const Client& client, const std::string& text) {
    constexpr std::size_t least = 4, whole = 36;
    if (text.size() < least || text.size() >= whole) return text;
    std::string begins = text;
    std::transform(begins.begin(), begins.end(), begins.begin(), [](unsigned char c) { return std::tolower(c); });
    if (begins.find_first_not_of("0123456789abcdef-") != std::string::npos) return text;
    const auto page = client.get(Target{"/api/v1/jobs"}.with("id", begins).with("limit", 3).text());
    const auto* data = find(page, {"data"});
    if (!data || !data->is_array() || data->get_array().empty())
        throw Failure{failed, fmt::format("Not found: there is no job whose id begins with {}", begins)};
    const auto& jobs = data->get_array();
    if (jobs.size() == 1) return member(jobs.front(), "id");
    std::string several;
    for (const auto& job : jobs)
        several += fmt::format("\n  {}  {}  {}", member(job, "id"), member(job, "kind"), member(job, "state"));
    throw Failure{failed,
                  fmt::format("several jobs have an id that begins with {}; give more of it:{}", begins, several)};
}

} // namespace millrace::cli
