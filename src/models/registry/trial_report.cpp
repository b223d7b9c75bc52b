#include "models/registry/trial_report.hpp"

#include <limits>

namespace millrace::models {

json::object TrialReport::to_json() const {
    return {{"runtime", runtime},           {"load_ms", load_ms},
            {"forward_ms", forward_ms},     {"memory_bytes", memory_bytes},
            {"optimization", optimization}, {"note", note},
            {"precision", precision},       {"channels_last", channels_last},
            {"threads", threads},           {"instances", instances}};
}

Result<TrialReport> TrialReport::parse(const std::string& text) {
    const auto value = parse_json(text);
    if (!value) return value.error();
    const auto* object = value->if_object();
    if (!object) return Error{Code::internal, "a trial's report is no object"};
    TrialReport out;
    for (auto [member, target] : {std::pair{"runtime", &out.runtime},
                                  {"optimization", &out.optimization},
                                  {"note", &out.note},
                                  {"precision", &out.precision}})
        if (auto text_member = string_field(*object, member, 4096); text_member && *text_member)
            *target = **text_member;
    constexpr double most = std::numeric_limits<double>::max();
    for (auto [member, target] : {std::pair{"load_ms", &out.load_ms}, {"forward_ms", &out.forward_ms}})
        if (auto number = number_field(*object, member, 0, most); number && *number) *target = **number;
    constexpr auto largest = std::numeric_limits<std::int64_t>::max();
    if (auto bytes = integer_field(*object, "memory_bytes", 0, largest); bytes && *bytes)
        out.memory_bytes = static_cast<std::uint64_t>(**bytes);
    for (auto [member, target] : {std::pair{"threads", &out.threads}, {"instances", &out.instances}})
        if (auto number = integer_field(*object, member, 0, std::numeric_limits<int>::max()); number && *number)
            *target = static_cast<int>(**number);
    if (auto truth = boolean_field(*object, "channels_last"); truth && *truth) out.channels_last = **truth;
    return out;
}

} // namespace millrace::models
