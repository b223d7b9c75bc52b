#include "inference/worker/runtime.hpp"

#include <dlfcn.h>

#include <algorithm>

namespace millrace::inference::worker {
namespace {

mr_tensor view_of(const TensorValue& value) {
    mr_tensor tensor{};
    tensor.datatype = static_cast<std::uint32_t>(value.datatype);
    tensor.rank = static_cast<std::uint32_t>(value.shape.size());
    std::copy(value.shape.begin(), value.shape.end(), tensor.shape);
    tensor.data = value.bytes.data();
    tensor.bytes = value.bytes.size();
    return tensor;
}

constexpr std::size_t error_size = 2048;

} // namespace

Result<Runtime> Runtime::open(const std::filesystem::path& module) {
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
    return Runtime{*table};
}

Result<void> Runtime::prepare_thread(int threads) const {
    char error[error_size] = "";
    if (table_->prepare_thread(threads, error, sizeof error) != MR_OK) return Error{Code::internal, error};
    return success();
}

Result<Runtime::Loaded> Runtime::load(std::string_view file, const TensorValue* probe) const {
    char error[error_size] = "";
    mr_model* model = nullptr;
    mr_load_report report{};
    const auto probe_view = probe ? view_of(*probe) : mr_tensor{};
    const auto code =
        table_->load(file.data(), file.size(), probe ? &probe_view : nullptr, &model, &report, error, sizeof error);
    if (code != MR_OK) return Error{Code::unprocessable, error};
    constexpr const char* names[] = {"plain", "frozen", "optimized"};
    report.note[sizeof report.note - 1] = 0;
    return Loaded{std::make_shared<Model>(*table_, model), names[std::min<std::uint32_t>(report.optimization, 2)],
                  report.note};
}

boost::system::result<std::unique_ptr<Runtime::Outputs>, ForwardFailure>
Runtime::forward(const Model& model, const TensorValue& input) const {
    char error[error_size] = "";
    mr_result* result = nullptr;
    const auto view = view_of(input);
    const auto code = table_->forward(model.model_, &view, 1, &result, error, sizeof error);
    if (code != MR_OK) return ForwardFailure{code == MR_OUT_OF_MEMORY, error};
    return std::make_unique<Outputs>(*table_, result);
}

std::vector<OutputView> Runtime::Outputs::item(std::size_t index, std::size_t batch) const {
    std::vector<OutputView> views;
    for (std::uint32_t i = 0; i < table_->result_count(result_); ++i) {
        const mr_tensor& tensor = *table_->result_tensor(result_, i);
        const auto type = model::datatype(static_cast<std::uint8_t>(tensor.datatype));
        if (!type || tensor.rank < 1 || tensor.shape[0] != static_cast<std::int64_t>(batch))
            throw std::runtime_error{"the model's output does not begin with the batch dimension"};
        const auto each = tensor.bytes / batch;
        views.push_back({*type,
                         {tensor.shape + 1, tensor.rank - 1},
                         static_cast<const std::byte*>(tensor.data) + index * each,
                         each});
    }
    return views;
}

} // namespace millrace::inference::worker
