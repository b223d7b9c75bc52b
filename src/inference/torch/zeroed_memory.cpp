#include "inference/torch/zeroed_memory.hpp"

#include <c10/util/Flags.h>
#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/ir/ir.h>

#include <algorithm>
#include <mutex>
#include <string_view>

C10_DECLARE_bool(caffe2_cpu_allocator_do_zero_fill); // c10/core/impl/alloc_cpu.cpp, c10::alloc_cpu()

namespace millrace::torch_module {
namespace {

std::mutex counting;
int wanted = 0;

// Written whole by themselves, and common in the code of ordinary models.
constexpr std::string_view ordinary[] = {"_convolution",     "_infer_size", "_reshape_alias", "_set_item",
                                         "_shape_as_tensor", "_softmax",    "_log_softmax",   "_to_copy",
                                         "_unsafe_view",     "_weight_norm"};

bool hands_out_raw_memory(const torch::jit::Node& node) {
    if (node.kind().is_prim()) return false;
    const std::string_view name = node.kind().toUnqualString();
    const auto has = [&](std::string_view part) { return name.find(part) != std::string_view::npos; };
    const bool internal = name.size() > 1 && name[0] == '_' && name[1] != '_';
    return has("empty") || has("resize") || name == "set_" ||
           (internal && std::find(std::begin(ordinary), std::end(ordinary), name) == std::end(ordinary));
}

bool any_in(const torch::jit::Block& block) {
    for (const torch::jit::Node* node : block.nodes()) {
        if (hands_out_raw_memory(*node)) return true;
        for (const torch::jit::Block* inner : node->blocks())
            if (any_in(*inner)) return true;
        if (node->hasAttribute(torch::jit::attr::Subgraph) && any_in(*node->g(torch::jit::attr::Subgraph)->block()))
            return true;
    }
    return false;
}

} // namespace

ZeroedMemory::ZeroedMemory() {
    const std::lock_guard lock{counting};
    if (++wanted == 1) FLAGS_caffe2_cpu_allocator_do_zero_fill = true;
}

ZeroedMemory::~ZeroedMemory() {
    const std::lock_guard lock{counting};
    if (--wanted == 0) FLAGS_caffe2_cpu_allocator_do_zero_fill = false;
}

bool takes_raw_memory(const torch::jit::Module& module) {
    const auto functions = module._ivalue()->compilation_unit()->get_functions();
    return std::any_of(functions.begin(), functions.end(), [](torch::jit::Function* function) {
        function->ensure_defined();
        const auto* code = torch::jit::tryToGraphFunction(*function);
        return code && any_in(*code->graph()->block());
    });
}

} // namespace millrace::torch_module
