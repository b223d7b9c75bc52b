#include "jobs/retry_policy.hpp"

#include <algorithm>
#include <cmath>

namespace millrace::jobs {

std::chrono::milliseconds RetryPolicy::delay(int failures, std::uint64_t random) const {
    const double plain = static_cast<double>(first.count()) * std::pow(factor, std::max(failures, 1) - 1);
    const double bounded = std::min(plain, static_cast<double>(longest.count()));
    const double unit = static_cast<double>(random >> 11) / static_cast<double>(1ULL << 53); // [0, 1)
    return std::chrono::milliseconds{std::llround(bounded * (1.0 + jitter * (2.0 * unit - 1.0)))};
}

} // namespace millrace::jobs
