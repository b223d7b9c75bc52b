#include "telemetry/gpus.hpp"

#include <doctest/doctest.h>

#include <cstring>

using namespace millrace::telemetry;

namespace {

// Two devices, the second of which says little.
int two(unsigned* count) {
    *count = 3;
    return 0;
}
int device(unsigned index, Nvml::Device* out) {
    *out = reinterpret_cast<Nvml::Device>(static_cast<std::uintptr_t>(index + 1));
    return index == 2 ? 15 : 0; // lost
}
bool is_first(Nvml::Device device) { return device == reinterpret_cast<Nvml::Device>(std::uintptr_t{1}); }
int uuid(Nvml::Device which, char* out, unsigned) {
    std::strcpy(out, is_first(which) ? "GPU-a" : "GPU-b");
    return 0;
}
int utilization(Nvml::Device which, Nvml::Utilization* out) {
    *out = {73, 10};
    return is_first(which) ? 0 : 3; // not supported
}
int memory(Nvml::Device, Nvml::Memory* out) {
    *out = {1000, 600, 400};
    return 0;
}
int power(Nvml::Device, unsigned* milliwatts) {
    *milliwatts = 68'500;
    return 0;
}

} // namespace

TEST_CASE("each GPU is told with what its driver says about it") {
    Nvml nvml;
    nvml.count = two;
    nvml.device = device;
    nvml.uuid = uuid;
    nvml.utilization = utilization;
    nvml.memory = memory;
    const auto gpus = gpu_figures(nvml);
    REQUIRE(gpus.size() == 2);
    CHECK(gpus[0].uuid == "GPU-a");
    CHECK(gpus[0].utilization == 0.73);
    CHECK_FALSE(gpus[0].power_watts);
    CHECK_FALSE(gpus[1].utilization);
    CHECK(gpus[1].memory_used == 400u);
    nvml.power = power;
    CHECK(gpu_figures(nvml)[1].power_watts == 68.5);
}

TEST_CASE("GPUs are rendered under the names that dashboards know, and what is not known is left out") {
    GpuFigures known{"GPU-a", 0.5, 70.25, 1000, 400}, silent{"GPU-b", {}, {}, {}, {}};
    const auto text = render({known, silent});
    CHECK(text.find("# TYPE nv_gpu_utilization gauge\nnv_gpu_utilization{gpu_uuid=\"GPU-a\"} 0.5\n#") !=
          std::string::npos);
    CHECK(text.find("nv_gpu_memory_total_bytes{gpu_uuid=\"GPU-a\"} 1000\n") != std::string::npos);
    CHECK(text.find("nv_gpu_memory_used_bytes{gpu_uuid=\"GPU-a\"} 400\n") != std::string::npos);
    CHECK(text.find("nv_gpu_power_usage{gpu_uuid=\"GPU-a\"} 70.25\n") != std::string::npos);
    CHECK(text.find("GPU-b") == std::string::npos);
    CHECK(render({}).empty());
    CHECK(render({silent}).empty());
}
