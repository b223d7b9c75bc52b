#include "inference/worker/runtime.hpp"

#include <dlfcn.h>

#include <algorithm>

namespace millrace::inference::worker {
namespace {

constexpr std::size_t error_size = 2048;

} // namespace

mr_tensor batch_view(model::Datatype type, std::int64_t rows, std::span<const std::int64_t> shape, std::span<const std::byte> data) {
    mr_tensor tensor{};
    tensor.datatype = static_cast<std::uint32_t>(type);
    tensor.rank = static_cast<std::uint32_t>(shape.size() + 1);
    tensor.shape[0] = rows;
    std::copy(shape.begin(), shape.end(), tensor.shape + 1);
    tensor.data = data.data();
    tensor.bytes = data.size();
    return tensor;
}

Result<Runtime> Runtime::open(const std::filesystem::path& module, const std::string& device) {
    // Local: the names of libtorch and of its C++ library stay among themselves.
    void* handle = ::dlopen(module.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        const char* why = ::dlerror();
        return Error{Code::unavailable,
                     std::string{"the runtime module cannot be loaded: "} + (why ? why : "unknown reason")};
    }
    const auto entry = reinterpret_cast<mr_entry>(::dlsym(handle, MR_ENTRY_NAME));
    const mr_runtime* table = entry ? entry() : nullptr;
    if (!table || table->abi_version != MR_ABI_VERSION || table->struct_size < sizeof(mr_runtime))
        return Error{Code::unavailable,
                     module.string() + " is not a runtime module of this version; rebuild it with the daemon"};
    char error[error_size] = "";
    if (table->open_device(device.c_str(), error, sizeof error) != MR_OK)
        return Error{Code::unavailable, "the device " + device + " cannot be used: " + error};
    return Runtime{*table};
}

Result<void> Runtime::set_threads(int threads) const {
    char error[error_size] = "";
    if (table_->set_threads(threads, error, sizeof error) != MR_OK) return Error{Code::internal, error};
    return success();
}

Result<Runtime::Loaded> Runtime::load(std::string_view file, std::span<const mr_tensor> inputs,
                                      const model::Execution& execution) const {
    char error[error_size] = "";
    mr_model* model = nullptr;
    mr_load_report report{};
    const mr_load_options options{execution.precision == model::Precision::bf16 ? MR_BF16 : MR_FP32,
                                  execution.channels_last, execution.tolerance};
    const auto code = table_->load(file.data(), file.size(), inputs.data(), static_cast<std::uint32_t>(inputs.size()), &options,
                                   &model, &report, error, sizeof error);
    if (code != MR_OK) return Error{Code::unprocessable, error};
    constexpr const char* names[] = {"plain", "frozen", "optimized", "compiled"};
    report.note[sizeof report.note - 1] = 0;
    return Loaded{std::make_shared<Model>(*table_, model), names[std::min<std::uint32_t>(report.optimization, 3)], report.note,
                  report.precision == MR_BF16 ? model::Precision::bf16 : model::Precision::fp32, report.channels_last != 0};
}

boost::system::result<std::unique_ptr<Runtime::Outputs>, ForwardFailure>
Runtime::forward(const Model& model, std::span<const mr_tensor> inputs) const {
    char error[error_size] = "";
    mr_result* result = nullptr;
    const auto code = table_->forward(model.model_, inputs.data(), static_cast<std::uint32_t>(inputs.size()), &result, error,
                                      sizeof error);
    if (code != MR_OK) return ForwardFailure{code == MR_OUT_OF_MEMORY, code == MR_DEVICE_LOST, error};
    return std::make_unique<Outputs>(*table_, result);
}

void Runtime::run_aside(std::function<void()> work) const {
    const auto task = [](void* context) {
        const std::unique_ptr<std::function<void()>> own{static_cast<std::function<void()>*>(context)};
        (*own)();
    };
    char error[error_size] = "";
    auto context = std::make_unique<std::function<void()>>(std::move(work));
    if (table_->run_aside(task, context.get(), error, sizeof error) == MR_OK) (void)context.release(); // the task's now
    else (*context)(); // there is no such pool, and nothing in it
}

std::vector<OutputView> Runtime::Outputs::views(std::int64_t first, std::int64_t count, std::int64_t rows) const {
    std::vector<OutputView> views;
    for (std::uint32_t i = 0; i < table_->result_count(result_); ++i) {
        const mr_tensor& tensor = *table_->result_tensor(result_, i);
        const auto type = model::datatype(static_cast<std::uint8_t>(tensor.datatype));
        if (!type || tensor.rank < 1 || tensor.rank > MR_MAX_RANK || tensor.shape[0] != rows)
            throw std::runtime_error{"the model's output does not begin with the batch dimension"};
        const auto elements = model::element_count({tensor.shape, tensor.shape + tensor.rank});
        if (!elements || *elements * model::element_size(*type) != tensor.bytes)
            throw std::runtime_error{"the model's output has another size than its shape says"};
        const auto each = tensor.bytes / static_cast<std::uint64_t>(rows);
        views.push_back({*type,
                         {tensor.shape + 1, tensor.rank - 1},
                         static_cast<const std::byte*>(tensor.data) + static_cast<std::uint64_t>(first) * each,
                         each * static_cast<std::uint64_t>(count)});
    }
    return views;
}

} // namespace millrace::inference::worker
