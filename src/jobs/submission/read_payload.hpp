// What a payload needs, read before it is stored. Pure but for the processor's check; it may take milliseconds for a
// large payload, and is called off the dispatcher's and the writer's threads.
#pragma once
#include "jobs/processor.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace millrace::jobs {

struct PayloadNeeds {
    std::string resource;
    std::vector<std::string> blobs; // each once
};

// Whether `processor`, if there is one here, takes the payload; what it needs besides a slot, and the blobs that it
// names. The processor's errors; unprocessable when it names more blobs than a job may.
Result<PayloadNeeds> read_payload(const Processor* processor, OrganizationId organization, std::string_view payload);

} // namespace millrace::jobs
