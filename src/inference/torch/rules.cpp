#include "inference/torch/rules.hpp"

#include <string_view>

namespace millrace::torch_module {
namespace {

std::optional<std::string> text_of(const char* text) { return text ? std::optional<std::string>{text} : std::nullopt; }

std::vector<std::string> steps_of(const char* path) {
    std::vector<std::string> steps;
    if (!path) return steps;
    std::string_view rest{path};
    for (;;) {
        const auto end = rest.find(MR_STEP[0]);
        steps.emplace_back(rest.substr(0, end));
        if (end == std::string_view::npos) return steps;
        rest.remove_prefix(end + 1);
    }
}

} // namespace

Rules::Rules(const mr_load_options& options) {
    for (uint32_t i = 0; i < options.input_count; ++i) {
        const auto& rule = options.inputs[i];
        inputs.push_back({rule.name, text_of(rule.argument), text_of(rule.key), rule.optional != 0});
    }
    for (uint32_t i = 0; i < options.output_count; ++i) {
        const auto& rule = options.outputs[i];
        outputs.push_back({rule.name, steps_of(rule.path), rule.datatype, rule.optional != 0});
    }
}

} // namespace millrace::torch_module
