#include "inference/process/openblas_core.hpp"

namespace millrace::inference {

std::string_view openblas_core() {
#if defined(__x86_64__)
    __builtin_cpu_init();
    // OpenBLAS 0.3.21 takes AMD's Zen 4 for an Intel server with AVX-512. Its AVX2 kernels gave 1.3-1.4 times the
    // matrix products a CPU second there (three dense layers of 1024, batch 32, one thread).
    if (__builtin_cpu_is("amd") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "Zen";
#endif
    return {};
}

} // namespace millrace::inference
