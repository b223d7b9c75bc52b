#include "inference/engine/model_files.hpp"

#include <fcntl.h>

#include <fmt/format.h>

namespace millrace::inference {

Result<std::vector<Descriptor>> open_model_files(const ModelVersion& version) {
    std::vector<Descriptor> descriptors;
    descriptors.emplace_back(::open(version.file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!descriptors.back()) return Error{Code::internal, "the model's file cannot be opened"};
    for (const auto& file : version.files) {
        descriptors.emplace_back(::open(file.path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!descriptors.back())
            return Error{Code::internal, fmt::format("the model's file \"{}\" cannot be opened", file.ref.name)};
    }
    return descriptors;
}

frame::Load load_message(std::uint32_t model, const ModelVersion& version) {
    frame::Load message{model, version.sha256, json::serialize(version.manifest->to_json())};
    for (const auto& file : version.files) message.files.push_back(file.ref);
    return message;
}

} // namespace millrace::inference
