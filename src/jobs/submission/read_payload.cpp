#include "jobs/submission/read_payload.hpp"

#include "base/json.hpp"
#include "jobs/job_blobs.hpp"

namespace millrace::jobs {

Result<PayloadNeeds> read_payload(const Processor* processor, OrganizationId organization, std::string_view payload) {
    const bool is_read = processor && processor->reads_payload(), names_blobs = job_blobs::may_name(payload);
    PayloadNeeds needs;
    if (!is_read && !names_blobs) return needs;
    const auto value = parse_json(payload);
    if (!value) return value.error();
    if (is_read) {
        if (auto checked = processor->check(organization, *value); !checked) return checked.error();
        needs.resource = processor->resource(*value);
    }
    if (!names_blobs) return needs;
    auto blobs = job_blobs::named(*value);
    if (!blobs) return blobs.error();
    needs.blobs = std::move(*blobs);
    return needs;
}

} // namespace millrace::jobs
