#include "app/descriptor_limit.hpp"

#include <algorithm>

#include <sys/resource.h>

namespace millrace::app {
namespace {

constexpr std::size_t for_all_else = 256, fewest_connections = 16;

} // namespace

std::size_t descriptor_limit() {
    rlimit limit{};
    return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<std::size_t>(limit.rlim_cur) : 1024;
}

void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

std::size_t connections_for(std::uint32_t wanted, std::size_t descriptors) {
    const auto rest = descriptors > 2 * for_all_else ? descriptors - for_all_else : descriptors / 2;
    return std::max(fewest_connections, std::min<std::size_t>(wanted, rest / 2));
}

} // namespace millrace::app
