#include "inference/torch/compiled_model.hpp"

#include <cstring>
#include <stdexcept>
#include <string_view>

namespace millrace::torch_module {

bool is_compiled(const void* bytes, std::uint64_t size) {
    // Entry names stand in the clear in a zip archive's directory, which is at its end.
    const std::string_view text{static_cast<const char*>(bytes), size};
    return text.rfind("data/aotinductor/") != std::string_view::npos;
}

std::unique_ptr<Model> load_compiled(const void*, std::uint64_t, mr_load_report&) {
    throw std::runtime_error{"this runtime's libtorch cannot run AOTInductor packages"};
}

} // namespace millrace::torch_module
