// What NVIDIA's driver says about the GPUs of this machine, asked through its library (NVML), which is opened when the
// first question comes and there is a GPU. Thread-safe.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::telemetry {

struct GpuFigures {
    std::string uuid;                  // "GPU-…"
    std::optional<double> utilization; // 0 to 1, of the last sample period; none: the driver does not say
    std::optional<double> power_watts;
    std::optional<std::uint64_t> memory_total, memory_used; // bytes
};

// The library's calls, as its header declares them; 0 is success. Null where the library lacks one.
struct Nvml {
    using Device = void*;
    struct Utilization {
        unsigned gpu, memory; // percent
    };
    struct Memory {
        unsigned long long total, free, used;
    };
    int (*init)() = nullptr;
    int (*count)(unsigned*) = nullptr;
    int (*device)(unsigned, Device*) = nullptr;
    int (*uuid)(Device, char*, unsigned) = nullptr;
    int (*utilization)(Device, Utilization*) = nullptr;
    int (*memory)(Device, Memory*) = nullptr;
    int (*power)(Device, unsigned* milliwatts) = nullptr;
};

// From the driver's library; nullopt where there is none, or no GPU.
std::optional<Nvml> open_nvml();

// One entry a GPU; none when the library does not answer. `nvml` was initialised.
std::vector<GpuFigures> gpu_figures(const Nvml& nvml);
// Of this machine.
std::vector<GpuFigures> gpu_figures();

// In the Prometheus text format under the names of Triton's metrics, with the label gpu_uuid; empty without GPUs.
std::string render(const std::vector<GpuFigures>& gpus);

} // namespace millrace::telemetry
