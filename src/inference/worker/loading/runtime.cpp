#include "inference/worker/loading/runtime.hpp"

#include <dlfcn.h>

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace millrace::inference::worker {
namespace {

constexpr std::size_t error_size = 2048;

const char* text_or_none(const std::optional<std::string>& text) { return text ? text->c_str() : nullptr; }

// The rules of a manifest as the runtime takes them; they borrow the manifest's texts.
struct LoadRules {
    explicit LoadRules(const values::Manifest& manifest) {
        for (const auto& input : manifest.inputs)
            inputs.push_back(
                {input.tensor.name.c_str(), text_or_none(input.argument), text_or_none(input.key), input.optional});
        paths.reserve(manifest.outputs.size()); // its texts stay where they are
        for (const auto& output : manifest.outputs) {
            paths.push_back(fmt::format("{}", fmt::join(output.path, MR_STEP)));
            outputs.push_back({output.name.c_str(), output.path.empty() ? nullptr : paths.back().c_str(),
                               static_cast<std::uint32_t>(output.datatype), output.optional});
        }
    }
    std::vector<std::string> paths;
    std::vector<mr_input_rule> inputs;
    std::vector<mr_output_rule> outputs;
};

// The type of a result's tensor whose bytes agree with its shape.
values::Datatype checked(const mr_tensor& tensor) {
    const auto type = values::datatype(static_cast<std::uint8_t>(tensor.datatype));
    const auto elements =
        tensor.rank <= MR_MAX_RANK ? values::element_count({tensor.shape, tensor.shape + tensor.rank}) : std::nullopt;
    if (!type || !elements || *elements * values::element_size(*type) != tensor.bytes)
        throw std::runtime_error{"the model's output has another size than its shape says"};
    return *type;
}

bool same_form(const mr_tensor& a, const mr_tensor& b) {
    return a.datatype == b.datatype && a.rank == b.rank && std::equal(a.shape, a.shape + a.rank, b.shape);
}

} // namespace

mr_tensor batch_view(values::Datatype type, std::int64_t rows, std::span<const std::int64_t> shape,
                     std::span<const std::byte> data) {
    mr_tensor tensor{};
    tensor.datatype = static_cast<std::uint32_t>(type);
    tensor.rank = static_cast<std::uint32_t>(shape.size() + 1);
    tensor.shape[0] = rows;
    std::copy(shape.begin(), shape.end(), tensor.shape + 1);
    tensor.data = data.data();
    tensor.bytes = data.size();
    return tensor;
}

mr_tensor absent_view() {
    mr_tensor tensor{};
    tensor.datatype = MR_ABSENT;
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
                                      const values::Manifest& manifest) const {
    char error[error_size] = "";
    mr_model* model = nullptr;
    mr_load_report report{};
    const auto& execution = manifest.execution;
    const LoadRules rules{manifest};
    const auto outputs = static_cast<std::uint32_t>(rules.outputs.size());
    const mr_load_options options{execution.precision == values::Precision::bf16 ? MR_BF16 : MR_FP32,
                                  execution.channels_last,
                                  execution.tolerance,
                                  rules.inputs.data(),
                                  rules.outputs.data(),
                                  static_cast<std::uint32_t>(rules.inputs.size()),
                                  outputs,
                                  manifest.buffers_shared ? MR_BUFFERS_SHARED : MR_BUFFERS_OWN};
    const auto code = table_->load(file.data(), file.size(), inputs.data(), static_cast<std::uint32_t>(inputs.size()),
                                   &options, &model, &report, error, sizeof error);
    if (code != MR_OK) return Error{Code::unprocessable, error};
    constexpr const char* names[] = {"plain", "frozen", "optimized", "compiled"};
    report.note[sizeof report.note - 1] = 0;
    return Loaded{std::make_shared<Model>(*table_, model, outputs),
                  names[std::min<std::uint32_t>(report.optimization, 3)], report.note,
                  report.precision == MR_BF16 ? values::Precision::bf16 : values::Precision::fp32,
                  report.channels_last != 0};
}

boost::system::result<std::unique_ptr<Runtime::Outputs>, ForwardFailure> Runtime::forward(
    const Model& model, std::span<const mr_tensor> inputs) const {
    char error[error_size] = "";
    mr_result* result = nullptr;
    const auto code = table_->forward(model.model_, inputs.data(), static_cast<std::uint32_t>(inputs.size()), &result,
                                      error, sizeof error);
    if (code != MR_OK) return ForwardFailure{code == MR_OUT_OF_MEMORY, code == MR_DEVICE_LOST, error};
    return std::make_unique<Outputs>(*table_, result, model.outputs_);
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
    views.reserve(count_);
    for (std::uint32_t i = 0; i < count_; ++i) {
        switch (table_->result_form(result_, i)) {
        case MR_BATCH: views.push_back(part_of_batch(i, first, count, rows)); break;
        case MR_ROWS: views.push_back(joined_rows(i, first, count)); break;
        case MR_NONE: views.emplace_back().absent = true; break;
        }
    }
    return views;
}

OutputView Runtime::Outputs::part_of_batch(std::uint32_t output, std::int64_t first, std::int64_t count,
                                           std::int64_t rows) const {
    const mr_tensor& tensor = *table_->result_tensor(result_, output, 0);
    const auto type = checked(tensor);
    if (tensor.rank < 1 || tensor.shape[0] != rows)
        throw std::runtime_error{"the model's output does not begin with the batch dimension"};
    const auto each = tensor.bytes / static_cast<std::uint64_t>(rows);
    return {type,
            {tensor.shape + 1, tensor.rank - 1},
            static_cast<const std::byte*>(tensor.data) + static_cast<std::uint64_t>(first) * each,
            each * static_cast<std::uint64_t>(count)};
}

OutputView Runtime::Outputs::joined_rows(std::uint32_t output, std::int64_t first, std::int64_t count) const {
    const auto row = [&](std::int64_t i) {
        const auto* tensor = table_->result_tensor(result_, output, static_cast<std::uint32_t>(first + i));
        if (!tensor) throw std::runtime_error{"the model's output has fewer rows than the batch"};
        return tensor;
    };
    const mr_tensor& top = *row(0);
    OutputView view{checked(top), {top.shape, top.rank}, static_cast<const std::byte*>(top.data), top.bytes};
    if (count == 1) return view;
    auto kept = std::make_shared<std::vector<std::byte>>(); // shared: views are copied
    kept->reserve(top.bytes * static_cast<std::uint64_t>(count));
    for (std::int64_t i = 0; i < count; ++i) {
        const mr_tensor& tensor = *row(i);
        if (!same_form(tensor, top))
            throw std::runtime_error{"the rows have outputs of different shapes; send them one by one"};
        (void)checked(tensor);
        const auto* from = static_cast<const std::byte*>(tensor.data);
        kept->insert(kept->end(), from, from + tensor.bytes);
    }
    view.data = kept->data();
    view.bytes = kept->size();
    view.kept = std::move(kept);
    return view;
}

} // namespace millrace::inference::worker
