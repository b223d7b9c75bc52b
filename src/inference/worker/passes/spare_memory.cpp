#include "inference/worker/passes/spare_memory.hpp"

#include <sys/mman.h>

#include <cstddef>

namespace millrace::inference::worker {
namespace {

constexpr std::size_t enough = std::size_t{64} << 20; // a few threads' stacks of 8 MiB, and a small pass

}

// Mapped and given back: no page of it is touched, but the limit (RLIMIT_DATA) counts it.
bool has_spare_memory() {
    void* const block =
        ::mmap(nullptr, enough, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (block == MAP_FAILED) return false;
    ::munmap(block, enough);
    return true;
}

} // namespace millrace::inference::worker
