// A bare libtorch loop: the ceiling with which the engine is compared. Loads a TorchScript file, freezes and optimises
// it, and prints the items a second of forward passes alone and, with a folder of JPEGs, of passes over pictures that
// are decoded and normalised for it: in turn (all threads decode a batch, then all run it) and pipelined (the next
// batch is decoded while one runs), of which the better one is the ceiling.
//   torch_loop MODEL.pt BATCH THREADS SECONDS DIM... [--jpegs FOLDER] [--device cuda]     (DIM: the shape of one item)
#include "jpeg_feed.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <dlfcn.h>
#include <torch/csrc/api/include/torch/version.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <optional>
#include <string>
#include <vector>

namespace {

using Steady = std::chrono::steady_clock;
using bench::Decoders;

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

struct Options {
    std::string model, jpegs, device = "cpu";
    int threads = 1;
    double seconds = 1;
    std::vector<int64_t> shape; // the batch first
};

struct Rate {
    double per_second = 0, cpu_us = 0, median_us = 0; // processor time of one item, all threads; time of one turn
};

// Calls `pass`, which does `items` items, for so many seconds.
Rate measure(int64_t items, double seconds, const std::function<void()>& pass) {
    for (int i = 0; i < 5; ++i) pass();
    std::vector<double> took;
    const double cpu = cpu_seconds();
    const auto start = Steady::now();
    for (auto at = start; at - start < std::chrono::duration<double>(seconds);) {
        pass();
        const auto end = Steady::now();
        took.push_back(std::chrono::duration<double, std::micro>(end - at).count());
        at = end;
    }
    const double elapsed = std::chrono::duration<double>(Steady::now() - start).count();
    const double done = static_cast<double>(took.size()) * static_cast<double>(items);
    std::nth_element(took.begin(), took.begin() + static_cast<std::ptrdiff_t>(took.size() / 2), took.end());
    return {done / elapsed, (cpu_seconds() - cpu) * 1e6 / done, took[took.size() / 2]};
}

class Loop {
public:
    explicit Loop(const Options& options)
        : options_{options},
          device_{options.device},
          module_{torch::jit::load(options.model, device_)} {
        module_.eval();
    }

    void optimize() {
        module_ = options_.device == "cpu" ? torch::jit::optimize_for_inference(module_) : torch::jit::freeze(module_);
    }

    Rate forward_alone(const at::Tensor& input) {
        const auto there = input.to(device_);
        return measure(input.size(0), options_.seconds, [&] { run(there); });
    }

    Rate decoded_in_turn(Decoders& decoders) {
        auto batch = at::empty(options_.shape);
        return measure(options_.shape[0], options_.seconds, [&] {
            fill(decoders, batch);
            decoders.wait();
            run(batch.to(device_));
        });
    }

    Rate decoded_pipelined(Decoders& decoders) {
        at::Tensor batches[] = {at::empty(options_.shape), at::empty(options_.shape)};
        std::size_t turn = 0;
        fill(decoders, batches[0]);
        const auto rate = measure(options_.shape[0], options_.seconds, [&] {
            decoders.wait();
            fill(decoders, batches[(turn + 1) % 2]);
            run(batches[turn++ % 2].to(device_));
        });
        decoders.wait();
        return rate;
    }

private:
    void fill(Decoders& decoders, at::Tensor& batch) {
        decoders.start(batch.data_ptr<float>(), static_cast<std::size_t>(options_.shape[0]));
    }
    void run(const at::Tensor& input) { module_.forward({input}).toTensor().cpu(); } // waits for a device

    const Options& options_;
    c10::Device device_;
    torch::jit::Module module_;
};

Options parse(int argc, char** argv) {
    Options options;
    std::vector<std::string> words;
    for (int i = 1; i < argc; ++i) {
        if (i + 1 < argc && std::strcmp(argv[i], "--jpegs") == 0) options.jpegs = argv[++i];
        else if (i + 1 < argc && std::strcmp(argv[i], "--device") == 0) options.device = argv[++i];
        else words.emplace_back(argv[i]);
    }
    if (words.size() < 5)
        throw std::runtime_error{
            "usage: torch_loop MODEL BATCH THREADS SECONDS DIM... [--jpegs FOLDER] [--device cuda]"};
    options.model = words[0];
    options.threads = std::atoi(words[2].c_str());
    options.seconds = std::atof(words[3].c_str());
    options.shape.push_back(std::atoll(words[1].c_str()));
    for (std::size_t i = 4; i < words.size(); ++i) options.shape.push_back(std::atoll(words[i].c_str()));
    if (!options.jpegs.empty() && (options.shape.size() != 4 || options.shape[1] != 3))
        throw std::runtime_error{"pictures are for a model of 3 HEIGHT WIDTH"};
    return options;
}

void measure_and_print(const Options& options) {
    c10::InferenceMode inference;
    const auto input = at::rand(options.shape);
    Loop loop{options};
    const Rate plain = loop.forward_alone(input);
    loop.optimize();
    const Rate forward = loop.forward_alone(input);
    std::printf("{\"libtorch\":\"%s\",\"device\":\"%s\",\"batch\":%lld,\"threads\":%d,\"plain_per_second\":%.1f,"
                "\"forward_per_second\":%.1f,"
                "\"forward_cpu_us\":%.1f,\"forward_median_us\":%.2f",
                TORCH_VERSION, options.device.c_str(), static_cast<long long>(options.shape[0]), options.threads,
                plain.per_second, forward.per_second, forward.cpu_us, forward.median_us);
    if (!options.jpegs.empty()) {
        const bench::Pictures pictures{options.jpegs, static_cast<int>(options.shape[2]),
                                       static_cast<int>(options.shape[3])};
        bench::Decoders decoders{pictures, options.threads};
        const Rate in_turn = loop.decoded_in_turn(decoders), pipelined = loop.decoded_pipelined(decoders);
        const Rate& best = in_turn.per_second > pipelined.per_second ? in_turn : pipelined;
        std::printf(",\"in_turn_per_second\":%.1f,\"pipelined_per_second\":%.1f,\"decoded_per_second\":%.1f,\"decoded_"
                    "cpu_us\":%.1f",
                    in_turn.per_second, pipelined.per_second, best.per_second, best.cpu_us);
    }
    std::printf("}\n");
}

} // namespace

int main(int argc, char** argv) {
    try {
        const auto options = parse(argc, argv);
        // Asked before any other question about CUDA, or libtorch never sees the device.
        if (options.device != "cpu" && !::dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL))
            throw std::runtime_error{::dlerror()};
        at::set_num_interop_threads(1);
        at::set_num_threads(options.threads);
        measure_and_print(options);
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 1;
    }
}
