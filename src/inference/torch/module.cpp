// libmillrace_torch.so: runtime_abi.h on libtorch. Built once for each libtorch that is given to CMake.
#include "inference/torch/compiled_model.hpp"
#include "inference/torch/device.hpp"
#include "inference/torch/script_model.hpp"
#include "inference/torch/tensor_bridge.hpp"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/api/include/torch/version.h>

#include <memory>
#include <string>

using namespace millrace::torch_module;

struct mr_model {
    std::unique_ptr<Model> model;
};
struct mr_result {
    struct View {
        mr_form form = MR_NONE;
        std::vector<mr_tensor> tensors;
    };
    std::vector<Output> outputs;
    std::vector<View> views;
};

namespace {

// The interpreter rethrows most exceptions as std::runtime_error, so the type alone does not tell.
bool speaks_of(const std::string& text, std::initializer_list<const char*> signs) {
    return std::any_of(signs.begin(), signs.end(),
                       [&](const char* sign) { return text.find(sign) != std::string::npos; });
}

mr_code code_of(const std::string& text) {
    if (speaks_of(text, {"out of memory", "not enough memory", "DefaultCPUAllocator", "bad_alloc",
                         "CUDA_ERROR_OUT_OF_MEMORY", "CUBLAS_STATUS_ALLOC_FAILED"}))
        return MR_OUT_OF_MEMORY;
    // After these every further call on the device fails, too.
    if (speaks_of(text,
                  {"illegal memory access", "device-side assert", "unspecified launch failure", "misaligned address",
                   "illegal instruction", "uncorrectable ECC", "CUDA_ERROR_ILLEGAL_ADDRESS", "hardware stack error"}))
        return MR_DEVICE_LOST;
    return MR_FAILED;
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
        return code_of(e.what());
    } catch (...) {
        put_text(error, error_size, "the model threw something that is no exception");
        return MR_FAILED;
    }
}

const char* version() { return "libtorch " TORCH_VERSION; }

mr_code open_device(const char* name, char* error, uint64_t error_size) {
    return guarded(error, error_size, [&] {
        at::set_num_interop_threads(1); // may be set once only, and before any operation
        device::open(name);
    });
}

mr_code set_threads(int32_t threads, char* error, uint64_t error_size) {
    return guarded(error, error_size, [&] {
        at::set_num_threads(std::max(1, threads));
        device::enter_thread();
    });
}

std::vector<at::Tensor> uploaded(const mr_tensor* inputs, uint32_t count) {
    std::vector<at::Tensor> tensors;
    tensors.reserve(count);
    for (uint32_t i = 0; i < count; ++i)
        tensors.push_back(inputs[i].datatype == MR_ABSENT ? at::Tensor{} : device::upload(inputs[i]));
    return tensors;
}

mr_code load(const void* bytes, uint64_t size, const mr_tensor* inputs, uint32_t input_count,
             const mr_load_options* options, mr_model** out, mr_load_report* report, char* error, uint64_t error_size) {
    *out = nullptr;
    *report = mr_load_report{};
    return guarded(error, error_size, [&] {
        c10::InferenceMode inference;
        auto model = std::make_unique<mr_model>();
        model->model = is_compiled(bytes, size)
                           ? load_compiled(bytes, size, *options, *report)
                           : load_script(bytes, size, uploaded(inputs, input_count), *options, *report);
        device::synchronize();
        *out = model.release();
    });
}

void begin_service(mr_model* model) { model->model->begin_service(); }

void free_model(mr_model* model) {
    char ignored[64];
    guarded(ignored, sizeof ignored, [&] { delete model; });
}

mr_code forward(mr_model* model, const mr_tensor* inputs, uint32_t count, mr_result** out, char* error,
                uint64_t error_size) {
    *out = nullptr;
    return guarded(error, error_size, [&] {
        c10::InferenceMode inference;
        auto result = std::make_unique<mr_result>();
        result->outputs = model->model->run(uploaded(inputs, count));
        for (auto& output : result->outputs)
            for (auto& tensor : output.tensors) tensor = device::download(tensor);
        device::synchronize();
        for (const auto& output : result->outputs) {
            auto& view = result->views.emplace_back();
            view.form = output.form;
            for (const auto& tensor : output.tensors) view.tensors.push_back(describe(tensor));
        }
        *out = result.release();
    });
}

mr_form result_form(const mr_result* result, uint32_t output) {
    return output < result->views.size() ? result->views[output].form : MR_NONE;
}
const mr_tensor* result_tensor(const mr_result* result, uint32_t output, uint32_t row) {
    if (output >= result->views.size() || row >= result->views[output].tensors.size()) return nullptr;
    return &result->views[output].tensors[row];
}
void free_result(mr_result* result) { delete result; }

void release_memory() {
    char ignored[64];
    guarded(ignored, sizeof ignored, [] { device::release_memory(); });
}

mr_memory memory() {
    mr_memory figures{};
    char ignored[64];
    guarded(ignored, sizeof ignored, [&] { figures = device::memory(); });
    return figures;
}

mr_code run_aside(void (*task)(void*), void* context, char* error, uint64_t error_size) {
    return guarded(error, error_size, [&] { at::launch([task, context] { task(context); }); });
}

constexpr mr_runtime table{MR_ABI_VERSION, sizeof(mr_runtime), version,        open_device, set_threads,
                           load,           begin_service,      free_model,     forward,     result_form,
                           result_tensor,  free_result,        release_memory, memory,      run_aside};

} // namespace

extern "C" __attribute__((visibility("default"))) const mr_runtime* millrace_runtime() { return &table; }
