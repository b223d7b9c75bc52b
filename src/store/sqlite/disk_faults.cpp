#include "store/sqlite/fault_disk.hpp"

#include <charconv>
#include <cstdlib>
#include <string>

namespace millrace::store {
namespace {

Error not_understood(std::string_view part) {
    return {Code::invalid_argument, "MILLRACE_DISK_FAULT: \"" + std::string{part} +
                                        "\" is no fault; there are full-after:BYTES, full-file:PATH, fsync-fails:N, "
                                        "fsync-file:PATH and lose-unflushed"};
}

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    return failure == std::errc{} && end == text.data() + text.size() ? std::optional{value} : std::nullopt;
}

bool take(DiskFaults& faults, std::string_view name, std::string_view value) {
    if (name == "lose-unflushed" && value.empty()) return faults.lose_unflushed = true;
    if (value.empty()) return false;
    if (name == "full-after") return (faults.full_after = number(value)).has_value();
    if (name == "fsync-fails") return (faults.failing_flush = number(value).value_or(0)) > 0;
    if (name == "full-file") faults.full_while_exists = value;
    else if (name == "fsync-file") faults.flushes_fail_while_exists = value;
    else return false;
    return true;
}

} // namespace

Result<DiskFaults> parse_disk_faults(std::string_view text) {
    DiskFaults faults;
    for (std::size_t at = 0; at <= text.size();) {
        const auto comma = std::min(text.find(',', at), text.size());
        const auto part = text.substr(at, comma - at);
        const auto colon = std::min(part.find(':'), part.size());
        if (!take(faults, part.substr(0, colon), part.substr(std::min(colon + 1, part.size()))))
            return not_understood(part);
        at = comma + 1;
    }
    return faults;
}

Result<bool> install_ordered_faults() {
    static const char* const order = std::getenv("MILLRACE_DISK_FAULT");
    if (!order) return false;
    const auto faults = parse_disk_faults(order);
    if (!faults) return faults.error();
    static const FaultDisk for_good{*faults};
    return true;
}

} // namespace millrace::store
