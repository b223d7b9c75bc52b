#include "app/no_room.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include <unistd.h>

namespace millrace::app {
namespace {

std::uint64_t resident_bytes() {
    std::ifstream file{"/proc/self/statm"};
    std::uint64_t pages = 0, resident = 0;
    file >> pages >> resident;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t machine_bytes() {
    return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

bool disk_is_low(const std::filesystem::path& folder, std::uint64_t least) {
    std::error_code failure;
    const auto space = std::filesystem::space(folder, failure);
    return !failure && space.available < least;
}

} // namespace

std::string no_room(const config::Config& config) {
    if (disk_is_low(config.data, config.jobs.min_free_bytes))
        return fmt::format(
            "the disk is nearly full: less than {} MiB are free in the data folder (jobs.min_free_bytes)",
            config.jobs.min_free_bytes >> 20);
    const auto most = config.jobs.max_memory_bytes ? config.jobs.max_memory_bytes : machine_bytes() / 2;
    if (resident_bytes() > most)
        return fmt::format("the daemon has taken more than {} MiB of memory (jobs.max_memory_bytes)", most >> 20);
    return {};
}

} // namespace millrace::app
