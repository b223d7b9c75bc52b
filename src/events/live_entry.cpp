#include "events/live_entry.hpp"

#include <algorithm>
#include <array>

namespace millrace::events {
namespace {

constexpr std::array not_stored{job_state, job_progress, jobs_changed, service_status};

} // namespace

bool type_fits(std::string_view type, std::string_view wanted) {
    return type == wanted || (type.size() > wanted.size() && type.starts_with(wanted) && type[wanted.size()] == '.');
}

bool LiveFilter::takes_type(std::string_view type) const {
    if (types.empty()) return type != jobs_changed && type != service_status;
    return std::ranges::any_of(types, [&](const auto& wanted) { return type_fits(type, wanted); });
}

bool LiveFilter::takes_stored() const {
    const auto may_be_stored = [](const std::string& type) {
        return std::ranges::find(not_stored, std::string_view{type}) == not_stored.end();
    };
    return may_read_stored && (types.empty() || std::ranges::any_of(types, may_be_stored));
}

bool LiveFilter::takes(const LiveEntry& entry) const {
    if (!takes_type(entry.type)) return false;
    if (entry.kind == LiveEntry::Kind::sample) return true; // of the whole organisation
    if (entry.kind == LiveEntry::Kind::stored && !may_read_stored) return false;
    if (!subject.empty() && entry.subject != subject) return false;
    if (!queue.empty() && entry.queue != queue) return false;
    return !jobs || (entry.job && jobs->contains(*entry.job));
}

} // namespace millrace::events
