#include "models/trial_report.hpp"

#include <limits>

namespace millrace::models {

json::object TrialReport::to_json() const {
    return {{"runtime", runtime},           {"load_ms", load_ms},           {"forward_ms", forward_ms},
            {"memory_bytes", memory_bytes}, {"optimization", optimization}, {"note", note}};
}

Result<TrialReport> TrialReport::parse(const std::string& text) {
    const auto value = parse_json(text);
    if (!value) return value.error();
    const auto* object = value->if_object();
    if (!object) return Error{Code::internal, "a trial's report is no object"};
    TrialReport out;
    for (auto [member, target] : {std::pair{"runtime", &out.runtime}, {"optimization", &out.optimization}, {"note", &out.note}})
        if (auto text_member = string_field(*object, member, 4096); text_member && *text_member) *target = **text_member;
    constexpr double most = std::numeric_limits<double>::max();
    for (auto [member, target] : {std::pair{"load_ms", &out.load_ms}, {"forward_ms", &out.forward_ms}})
        if (auto number = number_field(*object, member, 0, most); number && *number) *target = **number;
    constexpr auto largest = std::numeric_limits<std::int64_t>::max();
    if (auto bytes = integer_field(*object, "memory_bytes", 0, largest); bytes && *bytes) out.memory_bytes = static_cast<std::uint64_t>(**bytes);
    return out;
}

} // namespace millrace::models
