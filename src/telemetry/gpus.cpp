#include "telemetry/gpus.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>

#include <dlfcn.h>

namespace millrace::telemetry {
namespace {

template <class Call>
void look_up(void* library, const char* name, Call& call) {
    call = reinterpret_cast<Call>(::dlsym(library, name));
}

GpuFigures figures_of(const Nvml& nvml, Nvml::Device device) {
    GpuFigures gpu;
    std::array<char, 96> uuid{};
    if (nvml.uuid(device, uuid.data(), uuid.size() - 1) == 0) gpu.uuid = uuid.data();
    if (Nvml::Utilization busy{}; nvml.utilization && nvml.utilization(device, &busy) == 0)
        gpu.utilization = std::min(busy.gpu, 100u) / 100.0;
    if (Nvml::Memory memory{}; nvml.memory && nvml.memory(device, &memory) == 0) {
        gpu.memory_total = memory.total;
        gpu.memory_used = memory.used;
    }
    if (unsigned milliwatts = 0; nvml.power && nvml.power(device, &milliwatts) == 0)
        gpu.power_watts = milliwatts / 1000.0;
    return gpu;
}

template <class Value>
void append(std::string& out, const char* name, const char* help, const std::vector<GpuFigures>& gpus, Value value) {
    bool first = true;
    for (const auto& gpu : gpus) {
        const auto shown = value(gpu);
        if (!shown) continue;
        if (std::exchange(first, false))
            fmt::format_to(std::back_inserter(out), "# HELP {0} {1}\n# TYPE {0} gauge\n", name, help);
        fmt::format_to(std::back_inserter(out), "{}{{gpu_uuid=\"{}\"}} {}\n", name, gpu.uuid, *shown);
    }
}

} // namespace

std::optional<Nvml> open_nvml() {
    std::error_code ignored;
    if (!std::filesystem::exists("/dev/nvidia0", ignored)) return std::nullopt;
    // Never closed: its calls are used for as long as the program runs.
    void* library = ::dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) return std::nullopt;
    Nvml nvml;
    look_up(library, "nvmlInit_v2", nvml.init);
    look_up(library, "nvmlDeviceGetCount_v2", nvml.count);
    look_up(library, "nvmlDeviceGetHandleByIndex_v2", nvml.device);
    look_up(library, "nvmlDeviceGetUUID", nvml.uuid);
    look_up(library, "nvmlDeviceGetUtilizationRates", nvml.utilization);
    look_up(library, "nvmlDeviceGetMemoryInfo", nvml.memory);
    look_up(library, "nvmlDeviceGetPowerUsage", nvml.power);
    if (!nvml.init || !nvml.count || !nvml.device || !nvml.uuid || nvml.init() != 0) return std::nullopt;
    return nvml;
}

std::vector<GpuFigures> gpu_figures(const Nvml& nvml) {
    std::vector<GpuFigures> gpus;
    unsigned count = 0;
    if (nvml.count(&count) != 0) return gpus;
    for (unsigned i = 0; i < count; ++i) {
        Nvml::Device device = nullptr;
        if (nvml.device(i, &device) == 0) gpus.push_back(figures_of(nvml, device));
    }
    return gpus;
}

std::vector<GpuFigures> gpu_figures() {
    static const std::optional<Nvml> nvml =
        open_nvml(); // once: the driver's library keeps a state of its own in the process
    return nvml ? gpu_figures(*nvml) : std::vector<GpuFigures>{};
}

std::string render(const std::vector<GpuFigures>& gpus) {
    std::string out;
    append(out, "nv_gpu_utilization", "Share of time in which the GPU was busy, 0 to 1.", gpus,
           [](const GpuFigures& gpu) { return gpu.utilization; });
    append(out, "nv_gpu_memory_total_bytes", "Memory of the GPU.", gpus,
           [](const GpuFigures& gpu) { return gpu.memory_total; });
    append(out, "nv_gpu_memory_used_bytes", "Memory of the GPU that is taken.", gpus,
           [](const GpuFigures& gpu) { return gpu.memory_used; });
    append(out, "nv_gpu_power_usage", "Power that the GPU draws, in watts.", gpus,
           [](const GpuFigures& gpu) { return gpu.power_watts; });
    return out;
}

} // namespace millrace::telemetry
