// The hostile runtime: answers with the double of its input, as numbers.pt does, unless the first value of an item asks
// for one of the acts. A model whose file holds the text "hostile-act=N" does N while it is being loaded. For tests
// only.
#include "acts.hpp"
#include "inference/torch/runtime_abi.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

struct mr_model {};

struct mr_result {
    std::vector<float> values;
    mr_tensor view{};
    std::uint32_t count = 1;
};

namespace {

mr_code fail(mr_code code, const std::string& text, char* error, std::uint64_t error_size) {
    std::snprintf(error, error_size, "%s", text.c_str());
    return code;
}

// Does the act and tells what came of it; MR_OK when the model may go on as if nothing had been.
mr_code perform(int act, int number, std::int64_t batch, char* error, std::uint64_t error_size) {
    if (act >= hostile::read_shadow && act <= hostile::many_sockets)
        return fail(MR_FAILED, hostile::attempt(act, number), error, error_size);
    hostile::misbehave(act);
    if (act == hostile::take_memory || (act == hostile::too_large_above_two && batch > 2))
        return fail(MR_OUT_OF_MEMORY, "no memory for this batch", error, error_size);
    if (act == hostile::need_memory &&
        !std::unique_ptr<void, decltype(&std::free)>{std::malloc(std::size_t{32} << 20), &std::free})
        return fail(MR_OUT_OF_MEMORY, "no memory for this pass", error, error_size);
    if (act == hostile::lose_device)
        return fail(MR_DEVICE_LOST, "an illegal memory access was encountered", error, error_size);
    return MR_OK;
}

void deceive(int act, mr_result& result) {
    auto& view = result.view;
    if (act == hostile::wrong_rank) view.rank = 1000;
    if (act == hostile::wrong_batch) view.shape[0] = -7;
    if (act == hostile::too_few_bytes) view.bytes = 1;
    if (act == hostile::no_outputs) result.count = 0;
}

const char* version() { return "hostile 1"; }
mr_code open_device(const char*, char*, std::uint64_t) { return MR_OK; }
mr_code set_threads(std::int32_t, char*, std::uint64_t) { return MR_OK; }

mr_code load(const void* bytes, std::uint64_t size, const mr_tensor*, std::uint32_t, const mr_load_options*,
             mr_model** model, mr_load_report* report, char* error, std::uint64_t error_size) {
    *report = mr_load_report{};
    constexpr std::string_view mark = "hostile-act=";
    const std::string_view file{static_cast<const char*>(bytes), size};
    if (const auto at = file.find(mark); at != file.npos)
        if (const auto code = perform(std::atoi(file.data() + at + mark.size()), 0, 1, error, error_size);
            code != MR_OK)
            return code;
    *model = new mr_model;
    return MR_OK;
}
void free_model(mr_model* model) { delete model; }

mr_code forward(mr_model*, const mr_tensor* inputs, std::uint32_t, mr_result** out, char* error,
                std::uint64_t error_size) {
    const auto& input = inputs[0];
    const auto* values = static_cast<const float*>(input.data);
    const auto batch = input.shape[0];
    const auto count = static_cast<std::int64_t>(input.bytes / sizeof(float));
    auto result = std::make_unique<mr_result>();
    result->values.resize(static_cast<std::size_t>(count));
    std::transform(values, values + count, result->values.begin(), [](float value) { return 2 * value; });
    result->view = input;
    result->view.data = result->values.data();
    for (std::int64_t item = 0; item < batch; ++item) {
        const auto* first = values + item * (count / batch);
        const auto act = static_cast<int>(first[0]);
        if (act < hostile::read_shadow) continue;
        if (const auto code = perform(act, static_cast<int>(first[1]), batch, error, error_size); code != MR_OK)
            return code;
        deceive(act, *result);
    }
    *out = result.release();
    return MR_OK;
}

void begin_service(mr_model*) {}
mr_form result_form(const mr_result* result, std::uint32_t output) {
    return output < result->count ? MR_BATCH : MR_NONE;
}
const mr_tensor* result_tensor(const mr_result* result, std::uint32_t, std::uint32_t) { return &result->view; }
void free_result(mr_result* result) { delete result; }
void release_memory() {}
mr_memory memory() { return {}; }
mr_code run_aside(void (*task)(void*), void* context, char*, std::uint64_t) {
    task(context);
    return MR_OK;
}

constexpr mr_runtime table{MR_ABI_VERSION, sizeof(mr_runtime), version,        open_device, set_threads,
                           load,           begin_service,      free_model,     forward,     result_form,
                           result_tensor,  free_result,        release_memory, memory,      run_aside};

} // namespace

extern "C" __attribute__((visibility("default"))) const mr_runtime* millrace_runtime() { return &table; }
