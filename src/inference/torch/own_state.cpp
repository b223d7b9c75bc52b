#include "inference/torch/own_state.hpp"

#include "inference/torch/torch_version.hpp"

#include <ATen/core/class_type.h>
#include <torch/csrc/jit/api/object.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/passes/inliner.h>

#include <algorithm>
#include <exception>
#include <optional>

namespace millrace::torch_module {
namespace {

using c10::IValue;
using ObjectPtr = c10::intrusive_ptr<c10::ivalue::Object>;

// The operation updates the running statistics that it is given without saying so in its signature: by `training`,
// where that is known.
std::optional<bool> trains(const torch::jit::Node& node) {
    if (node.kind() != c10::aten::batch_norm || node.namedInput("running_mean")->mustBeNone()) return false;
    const auto training = torch::jit::toIValue(node.namedInput("training"));
    return training && training->isBool() ? std::optional{training->toBool()} : std::nullopt;
}
bool may_train(const torch::jit::Node& node) { return trains(node).value_or(true); }
bool surely_trains(const torch::jit::Node& node) { return trains(node).value_or(false); }

bool any_node(const torch::jit::Block& block, bool (*matches)(const torch::jit::Node&)) {
    for (const auto* node : block.nodes()) {
        if (matches(*node)) return true;
        for (const auto* inner : node->blocks())
            if (any_node(*inner, matches)) return true;
        if (node->hasAttribute(c10::attr::Subgraph) && any_node(*node->g(c10::attr::Subgraph)->block(), matches))
            return true;
    }
    return false;
}

bool begins_a_task(const torch::jit::Node& node) { return node.kind() == c10::prim::fork; }

// What freezing has left over is what is written to.
Changes left_over(const c10::ivalue::Object& object) {
    auto changes = Changes::nothing;
    const auto type = object.type();
    for (std::size_t i = 0; i < object.slots().size(); ++i) {
        const auto& slot = object.slots()[i];
        auto of_slot = Changes::state;
        if (slot.isModule()) of_slot = left_over(*slot.toObject());
        else if (slot.isCustomClass())
            of_slot = Changes::nothing; // packed weights of quantised layers, which freezing cannot fold
        else if (type->is_parameter(i)) of_slot = Changes::parameters;
        changes = std::max(changes, of_slot);
    }
    return changes;
}

// What has been copied already, and as what.
#if MILLRACE_TORCH_AT_LEAST(2, 1)
using Copies = IValue::HashIdentityIValueMap;
#else
using Copies = IValue::HashAliasedIValueMap;
#endif

ObjectPtr copy_of(const ObjectPtr& from, Changes changes, Copies& copied) {
    const auto type = from->type();
    auto to = c10::ivalue::Object::create(c10::StrongTypePtr{from->compilation_unit(), type}, from->slots().size());
    for (std::size_t i = 0; i < from->slots().size(); ++i) {
        const auto& slot = from->getSlot(i);
        if (slot.isModule()) to->setSlot(i, copy_of(slot.toObject(), changes, copied));
        else if (slot.isCustomClass() || (type->is_parameter(i) && changes != Changes::parameters))
            to->setSlot(i, slot);
        else to->setSlot(i, slot.deepcopy(copied)); // what two attributes share, their copies share
    }
    return to;
}

} // namespace

Changes changes_of(const torch::jit::Module& module) {
    try {
        // Freezing drops what only updates statistics, because nobody uses its result; a pass does not.
        const auto inlined = module.get_method("forward").graph()->copy();
        torch::jit::Inline(*inlined);
        if (any_node(*inlined->block(), surely_trains)) return Changes::parameters;
        // Freezing some of these ends the process in libtorch 2.13, and what a task changes it does not know.
        if (any_node(*inlined->block(), begins_a_task)) return Changes::parameters;
        const auto frozen = torch::jit::freeze(module, {}, /*optimize_numerics=*/false);
        if (any_node(*frozen.get_method("forward").graph()->block(), may_train)) return Changes::parameters;
        return left_over(*frozen._ivalue());
    } catch (const std::exception&) { return Changes::parameters; }
}

torch::jit::Module fresh_copy(const torch::jit::Module& module, Changes changes) {
    Copies copied;
    return torch::jit::Module{copy_of(module._ivalue(), changes, copied)};
}

} // namespace millrace::torch_module
