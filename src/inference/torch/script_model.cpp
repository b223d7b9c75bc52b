#include "inference/torch/script_model.hpp"

#include "inference/torch/arguments.hpp"
#include "inference/torch/attribute_types.hpp"
#include "inference/torch/device.hpp"
#include "inference/torch/memory_reader.hpp"
#include "inference/torch/own_state.hpp"
#include "inference/torch/returned.hpp"
#include "inference/torch/zeroed_memory.hpp"

#include <ATen/ATen.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <mutex>

namespace millrace::torch_module {
namespace {

class ScriptModel final : public Model {
public:
    ScriptModel(const torch::jit::Module& loaded, Rules rules, bool shared)
        : module{loaded},
          arguments_{module.get_method("forward").function().getSchema(), rules.inputs},
          outputs_{std::move(rules.outputs)},
          shared_{shared} {}

    std::vector<Output> run(const std::vector<at::Tensor>& inputs) override {
        std::vector<at::Tensor> tensors;
        tensors.reserve(inputs.size());
        for (const auto& input : inputs) tensors.push_back(input.defined() ? prepared(input) : input);
        if (changes == Changes::nothing) return pass(module, tensors);
        if (serving_ && shared_) return shared_pass(std::move(tensors));
        return pass(fresh_copy(module, changes), tensors);
    }

    void begin_service() override { serving_ = true; }

    torch::jit::Module module;
    Changes changes = Changes::parameters; // until it is known
    bool bf16 = false, channels_last = false;
    std::shared_ptr<const ZeroedMemory> zeroed; // of a model that takes memory as it is; shared by its optimised forms

private:
    at::Tensor prepared(at::Tensor input) const {
        if (bf16 && input.scalar_type() == at::kFloat) input = input.to(at::kBFloat16);
        if (channels_last && input.dim() == 4) input = input.contiguous(at::MemoryFormat::ChannelsLast);
        return input;
    }

    std::vector<Output> pass(torch::jit::Module of, const std::vector<at::Tensor>& tensors) const {
        return outputs_of(of.forward(arguments_.make(tensors)), outputs_, rows_of(tensors));
    }

    // The module may keep what it is given, which is the caller's memory, and give out what the next pass changes.
    std::vector<Output> shared_pass(std::vector<at::Tensor> tensors) const {
        for (auto& tensor : tensors)
            if (tensor.defined()) tensor = tensor.clone();
        const std::lock_guard turn{*turn_};
        auto outputs = pass(module, tensors);
        for (auto& output : outputs)
            for (auto& tensor : output.tensors) tensor = tensor.clone();
        return outputs;
    }

    Arguments arguments_;
    std::vector<OutputRule> outputs_;
    bool shared_ = false, serving_ = false;
    std::shared_ptr<std::mutex> turn_ =
        std::make_shared<std::mutex>(); // shared: candidates of the optimiser are copies
};

// `tolerance` of the largest absolute value; 0: as equal as reordered sums are.
bool same(const at::Tensor& a, const at::Tensor& b, double tolerance) {
    if (a.sizes() != b.sizes() || a.scalar_type() != b.scalar_type()) return false;
    if (!a.is_floating_point()) return at::equal(a, b);
    if (tolerance == 0) return at::allclose(a, b, 1e-4, 1e-5, true);
    return a.numel() == 0 || at::allclose(a, b, 0, tolerance * a.abs().max().item<double>(), true);
}

bool same(const std::vector<Output>& a, const std::vector<Output>& b, double tolerance) {
    for (std::size_t i = 0; i < a.size(); ++i) { // one for each rule, of both
        if (a[i].form != b[i].form || a[i].tensors.size() != b[i].tensors.size()) return false;
        for (std::size_t k = 0; k < a[i].tensors.size(); ++k)
            if (!same(a[i].tensors[k], b[i].tensors[k], tolerance)) return false;
    }
    return true;
}

void use_channels_last(torch::jit::Module& module) {
    for (auto parameter : module.parameters())
        if (parameter.dim() == 4) parameter.set_data(parameter.contiguous(at::MemoryFormat::ChannelsLast));
}

void add_note(mr_load_report& report, const std::string& what) {
    std::string text{report.note};
    if (!text.empty()) text += "; ";
    put_text(report.note, sizeof report.note, text + what);
}

class Optimizer {
public:
    Optimizer(ScriptModel& model, const std::vector<at::Tensor>& arguments, mr_load_report& report)
        : model_{model},
          arguments_{arguments},
          report_{report},
          expected_{model.run(arguments)} {}

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
        if (model_.changes == Changes::parameters) // what freezing makes constants would be written to
            return add_note(report_, "freeze: forward() may change the module's parameters");
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
        } catch (const std::exception& e) { return note(label, ": " + short_text(e.what())); }
    }

    bool note(const char* label, const std::string& what) {
        add_note(report_, label + what);
        return false;
    }

    ScriptModel& model_;
    const std::vector<at::Tensor>& arguments_;
    mr_load_report& report_;
    std::vector<Output> expected_;
    double tolerance_ = 0;
};

} // namespace

std::unique_ptr<Model> load_script(const void* bytes, std::uint64_t size, const std::vector<at::Tensor>& arguments,
                                   const mr_load_options& options, mr_load_report& report) {
    const ZeroedMemory while_loading;
    auto model =
        std::make_unique<ScriptModel>(torch::jit::load(std::make_shared<MemoryReader>(bytes, size), device::get()),
                                      Rules{options}, options.buffers == MR_BUFFERS_SHARED);
    check_attribute_types(model->module);
    model->module.eval();
    if (takes_raw_memory(model->module)) model->zeroed = std::make_shared<const ZeroedMemory>();
    model->changes = changes_of(model->module);
    if (!arguments.empty()) Optimizer{*model, arguments, report}.run(options);
    if (model->changes != Changes::nothing && options.buffers == MR_BUFFERS_OWN)
        add_note(report, "forward() may change what the module keeps: each pass begins with what the file has "
                         "(\"buffers\": \"shared\" keeps the changes)");
    return model;
}

} // namespace millrace::torch_module
