#include "inference/torch/script_model.hpp"

#include "inference/torch/device.hpp"
#include "inference/torch/memory_reader.hpp"
#include "inference/torch/tensor_bridge.hpp"

#include <ATen/ATen.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

namespace millrace::torch_module {
namespace {

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

class ScriptModel final : public Model {
public:
    explicit ScriptModel(torch::jit::Module loaded) : module{std::move(loaded)} {}

    std::vector<at::Tensor> run(const std::vector<at::Tensor>& inputs) override {
        std::vector<c10::IValue> arguments;
        arguments.reserve(inputs.size());
        for (const auto& input : inputs) arguments.emplace_back(prepared(input));
        std::vector<at::Tensor> outputs;
        collect(module.forward(std::move(arguments)), outputs);
        return outputs;
    }

    torch::jit::Module module;
    bool bf16 = false, channels_last = false;

private:
    at::Tensor prepared(at::Tensor input) const {
        if (bf16 && input.scalar_type() == at::kFloat) input = input.to(at::kBFloat16);
        if (channels_last && input.dim() == 4) input = input.contiguous(at::MemoryFormat::ChannelsLast);
        return input;
    }
};

// `tolerance` of the largest absolute value; 0: as equal as reordered sums are.
bool same(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b, double tolerance) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (a[i].sizes() != b[i].sizes() || a[i].scalar_type() != b[i].scalar_type()) return false;
        if (!a[i].is_floating_point()) {
            if (!at::equal(a[i], b[i])) return false;
        } else if (tolerance == 0) {
            if (!at::allclose(a[i], b[i], 1e-4, 1e-5, true)) return false;
        } else if (a[i].numel() > 0) {
            const double bound = tolerance * a[i].abs().max().item<double>();
            if (!at::allclose(a[i], b[i], 0, bound, true)) return false;
        }
    }
    return true;
}

void use_channels_last(torch::jit::Module& module) {
    for (auto parameter : module.parameters())
        if (parameter.dim() == 4) parameter.set_data(parameter.contiguous(at::MemoryFormat::ChannelsLast));
}

class Optimizer {
public:
    Optimizer(ScriptModel& model, const std::vector<at::Tensor>& arguments, mr_load_report& report)
        : model_{model}, arguments_{arguments}, report_{report}, expected_{model.run(arguments)} {}

    void run(const mr_load_options& options) {
        if (options.precision == MR_BF16 && step("bf16", options.tolerance, [](ScriptModel& m) {
                m.module.to(at::kBFloat16);
                m.bf16 = true;
            })) {
            report_.precision = MR_BF16;
            tolerance_ = options.tolerance;
        }
        if (options.channels_last && step("channels_last", std::max(tolerance_, 1e-4), [](ScriptModel& m) {
                use_channels_last(m.module);
                m.channels_last = true;
            }))
            report_.channels_last = 1;
        if (!step("freeze", tolerance_, [](ScriptModel& m) { m.module = torch::jit::freeze(m.module); })) return;
        report_.optimization = MR_FROZEN;
        if (step("optimize_for_inference", tolerance_,
                 [](ScriptModel& m) { m.module = torch::jit::optimize_for_inference(m.module); }))
            report_.optimization = MR_OPTIMIZED;
    }

private:
    template <class Transform>
    bool step(const char* label, double tolerance, Transform transform) {
        try {
            ScriptModel candidate = model_;
            candidate.module = model_.module.clone();
            transform(candidate);
            for (int pass = 0; pass < 3; ++pass) // the profiling executor changes the graph after the first passes
                if (!same(expected_, candidate.run(arguments_), tolerance)) return note(label, " changed the outputs");
            model_ = std::move(candidate);
            return true;
        } catch (const std::exception& e) {
            return note(label, ": " + short_text(e.what()));
        }
    }

    bool note(const char* label, const std::string& what) {
        std::string text{report_.note};
        if (!text.empty()) text += "; ";
        put_text(report_.note, sizeof report_.note, text + label + what);
        return false;
    }

    ScriptModel& model_;
    const std::vector<at::Tensor>& arguments_;
    mr_load_report& report_;
    std::vector<at::Tensor> expected_;
    double tolerance_ = 0;
};

} // namespace

std::unique_ptr<Model> load_script(const void* bytes, std::uint64_t size, const std::vector<at::Tensor>& arguments,
                                   const mr_load_options& options, mr_load_report& report) {
    auto model = std::make_unique<ScriptModel>(
        torch::jit::load(std::make_shared<MemoryReader>(bytes, size), device::get()));
    model->module.eval();
    if (!arguments.empty()) Optimizer{*model, arguments, report}.run(options);
    return model;
}

} // namespace millrace::torch_module
