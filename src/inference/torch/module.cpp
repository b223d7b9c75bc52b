// libmillrace_torch.so: runtime_abi.h on libtorch. Built once for each libtorch that is given to CMake.
#include "inference/torch/tensor_bridge.hpp"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <caffe2/serialize/read_adapter_interface.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/csrc/api/include/torch/version.h>

#include <malloc.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

using namespace millrace::torch_module;

struct mr_model {
    torch::jit::Module module;
};
struct mr_result {
    std::vector<at::Tensor> tensors;
    std::vector<mr_tensor> views;
};

namespace {

void put_text(char* to, uint64_t size, const std::string& text) {
    if (size == 0) return;
    const auto length = std::min<uint64_t>(size - 1, text.size());
    std::memcpy(to, text.data(), length);
    to[length] = 0;
}

// The interpreter rethrows most exceptions as std::runtime_error, so the type alone does not tell.
bool speaks_of_memory(const std::string& text) {
    for (const char* sign :
         {"out of memory", "not enough memory", "DefaultCPUAllocator", "bad_alloc", "CUDA_ERROR_OUT_OF_MEMORY"})
        if (text.find(sign) != std::string::npos) return true;
    return false;
}

// The message without libtorch's C++ backtrace.
std::string short_text(const std::string& text) {
    const auto cut = std::min(text.find("\nException raised from"), text.find("\nframe #0"));
    return text.substr(0, std::min<std::size_t>(cut, 2000));
}

// Runs `work`; no exception leaves.
template <class Work>
mr_code guarded(char* error, uint64_t error_size, Work work) noexcept {
    try {
        work();
        return MR_OK;
    } catch (const std::invalid_argument& e) {
        put_text(error, error_size, e.what());
        return MR_INVALID;
    } catch (const std::bad_alloc&) {
        put_text(error, error_size, "out of memory");
        return MR_OUT_OF_MEMORY;
    } catch (const c10::OutOfMemoryError& e) {
        put_text(error, error_size, short_text(e.what_without_backtrace()));
        return MR_OUT_OF_MEMORY;
    } catch (const std::exception& e) {
        put_text(error, error_size, short_text(e.what()));
        return speaks_of_memory(e.what()) ? MR_OUT_OF_MEMORY : MR_FAILED;
    } catch (...) {
        put_text(error, error_size, "the model threw something that is no exception");
        return MR_FAILED;
    }
}

// Reads the archive from the caller's memory; nothing is copied.
class MemoryReader final : public caffe2::serialize::ReadAdapterInterface {
public:
    MemoryReader(const void* bytes, uint64_t size) : bytes_{static_cast<const char*>(bytes)}, size_{size} {}
    size_t size() const override { return size_; }
    size_t read(uint64_t position, void* buffer, size_t count, const char*) const override {
        if (position >= size_) return 0;
        const auto n = std::min<uint64_t>(count, size_ - position);
        std::memcpy(buffer, bytes_ + position, n);
        return n;
    }

private:
    const char* bytes_;
    uint64_t size_;
};

void collect(const c10::IValue& value, std::vector<at::Tensor>& out) {
    if (value.isTensor()) {
        out.push_back(presentable(value.toTensor()));
    } else if (value.isTuple()) {
        for (const auto& element : value.toTupleRef().elements()) collect(element, out);
    } else if (value.isTensorList()) {
        for (const auto& element : value.toTensorVector()) out.push_back(presentable(element));
    } else {
        throw std::runtime_error{"the model returned a " + value.tagKind() +
                                 "; only tensors and tuples of them can be passed on"};
    }
}

std::vector<at::Tensor> run(torch::jit::Module& module, const std::vector<at::Tensor>& inputs) {
    std::vector<c10::IValue> arguments(inputs.begin(), inputs.end());
    std::vector<at::Tensor> outputs;
    collect(module.forward(std::move(arguments)), outputs);
    return outputs;
}

bool same(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (a[i].sizes() != b[i].sizes() || a[i].scalar_type() != b[i].scalar_type()) return false;
        const bool equal =
            a[i].is_floating_point() ? at::allclose(a[i], b[i], 1e-4, 1e-5, true) : at::equal(a[i], b[i]);
        if (!equal) return false;
    }
    return true;
}

// eval, freeze, optimize_for_inference; each step is kept only if it works and gives what the plain model gives.
void optimize(mr_model& model, const at::Tensor& probe, mr_load_report& report) {
    const auto expected = run(model.module, {probe});
    auto step = [&](const char* label, auto transform) {
        try {
            torch::jit::Module candidate = transform(model.module);
            for (int pass = 0; pass < 3; ++pass) // the profiling executor changes the graph after the first passes
                if (!same(expected, run(candidate, {probe}))) {
                    put_text(report.note, sizeof report.note, std::string{label} + " changed the outputs");
                    return false;
                }
            model.module = std::move(candidate);
            return true;
        } catch (const std::exception& e) {
            put_text(report.note, sizeof report.note, std::string{label} + ": " + short_text(e.what()));
            return false;
        }
    };
    if (!step("freeze", [](const torch::jit::Module& m) { return torch::jit::freeze(m); })) return;
    report.optimization = MR_FROZEN;
    if (!step("optimize_for_inference", [](const torch::jit::Module& m) {
            auto copy = m.clone();
            return torch::jit::optimize_for_inference(copy);
        }))
        return;
    report.optimization = MR_OPTIMIZED;
}

const char* version() { return "libtorch " TORCH_VERSION; }
const char* device() { return "cpu"; }

mr_code prepare_thread(int32_t threads, char* error, uint64_t error_size) {
    return guarded(error, error_size, [&] {
        static const bool once = [] {
            at::set_num_interop_threads(1); // may be set once only, and before any operation
            return true;
        }();
        (void)once;
        at::set_num_threads(std::max(1, threads));
    });
}

mr_code load(const void* bytes, uint64_t size, const mr_tensor* probe, mr_model** out, mr_load_report* report,
             char* error, uint64_t error_size) {
    *out = nullptr;
    *report = mr_load_report{};
    return guarded(error, error_size, [&] {
        c10::InferenceMode inference;
        auto model = std::make_unique<mr_model>();
        model->module = torch::jit::load(std::make_shared<MemoryReader>(bytes, size), at::Device{at::kCPU});
        model->module.eval();
        if (probe) optimize(*model, borrow(*probe), *report);
        *out = model.release();
    });
}

void free_model(mr_model* model) {
    char ignored[64];
    guarded(ignored, sizeof ignored, [&] { delete model; });
}

mr_code forward(mr_model* model, const mr_tensor* inputs, uint32_t count, mr_result** out, char* error,
                uint64_t error_size) {
    *out = nullptr;
    return guarded(error, error_size, [&] {
        c10::InferenceMode inference;
        std::vector<at::Tensor> tensors;
        for (uint32_t i = 0; i < count; ++i) tensors.push_back(borrow(inputs[i]));
        auto result = std::make_unique<mr_result>();
        result->tensors = run(model->module, tensors);
        for (const auto& tensor : result->tensors) result->views.push_back(describe(tensor));
        *out = result.release();
    });
}

uint32_t result_count(const mr_result* result) { return static_cast<uint32_t>(result->views.size()); }
const mr_tensor* result_tensor(const mr_result* result, uint32_t index) {
    return index < result->views.size() ? &result->views[index] : nullptr;
}
void free_result(mr_result* result) { delete result; }
void release_memory() { ::malloc_trim(0); }

constexpr mr_runtime table{MR_ABI_VERSION, sizeof(mr_runtime), version, device, prepare_thread, load, free_model,
                           forward, result_count, result_tensor, free_result, release_memory};

} // namespace

extern "C" __attribute__((visibility("default"))) const mr_runtime* millrace_runtime() { return &table; }
