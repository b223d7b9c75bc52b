// A bare libtorch loop: the ceiling with which the engine is compared. Loads a TorchScript file, freezes and
// optimises it, and prints the items a second of forward passes alone.
//   torch_loop MODEL.pt BATCH THREADS SECONDS DIM...     (the shape of one item)
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/csrc/api/include/torch/version.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

namespace {

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

struct Rate {
    double per_second = 0, cpu_us = 0; // processor time of one item, all threads
};

Rate measure(torch::jit::Module& module, const at::Tensor& input, double seconds) {
    for (int i = 0; i < 5; ++i) module.forward({input});
    const auto start = std::chrono::steady_clock::now();
    const double cpu = cpu_seconds();
    double elapsed = 0;
    long passes = 0;
    while (elapsed < seconds) {
        module.forward({input});
        ++passes;
        elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
    const double items = static_cast<double>(passes) * static_cast<double>(input.size(0));
    return {items / elapsed, (cpu_seconds() - cpu) * 1e6 / items};
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 6) {
        std::fprintf(stderr, "usage: %s MODEL BATCH THREADS SECONDS DIM...\n", argv[0]);
        return 2;
    }
    try {
        at::set_num_interop_threads(1);
        at::set_num_threads(std::atoi(argv[3]));
        c10::InferenceMode inference;
        std::vector<int64_t> shape{std::atoll(argv[2])};
        for (int i = 5; i < argc; ++i) shape.push_back(std::atoll(argv[i]));
        const auto input = at::rand(shape);
        auto plain = torch::jit::load(argv[1]);
        plain.eval();
        const double seconds = std::atof(argv[4]);
        const Rate plain_rate = measure(plain, input, seconds);
        auto optimized = torch::jit::optimize_for_inference(plain);
        const Rate rate = measure(optimized, input, seconds);
        std::printf("{\"libtorch\":\"%s\",\"batch\":%s,\"threads\":%s,\"plain_per_second\":%.1f,"
                    "\"optimized_per_second\":%.1f,\"optimized_cpu_us\":%.1f}\n",
                    TORCH_VERSION, argv[2], argv[3], plain_rate.per_second, rate.per_second, rate.cpu_us);
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 1;
    }
}
