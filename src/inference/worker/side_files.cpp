#include "inference/worker/side_files.hpp"

#include "base/crypto.hpp"
#include "base/encoding.hpp"

#include <fmt/format.h>

namespace millrace::inference::worker {

Result<SideFiles> SideFiles::open(const model::FileRefs& files, std::span<const Descriptor> descriptors) {
    SideFiles side;
    if (descriptors.size() != files.size()) return Error{Code::internal, "the model's files are not all there"};
    for (std::size_t i = 0; i < files.size(); ++i) {
        auto mapped = std::make_unique<MappedFile>(descriptors[i]);
        if (hex(sha256(mapped->bytes())) != files[i].sha256)
            return Error{Code::unprocessable, fmt::format("the file \"{}\" is not the one that was registered (its digest differs)", files[i].name)};
        side.files_.emplace(files[i].name, std::move(mapped));
    }
    return side;
}

Result<std::string_view> SideFiles::bytes(const std::string& name) const {
    const auto found = files_.find(name);
    if (found == files_.end()) return Error{Code::unprocessable, fmt::format("the manifest names the file \"{}\", which is not there", name)};
    return found->second->bytes();
}

Result<void> complete(model::Manifest& manifest, const SideFiles& files) {
    for (auto& input : manifest.inputs) {
        if (input.kind != model::InputKind::text || input.text.vocabulary_file.empty()) continue;
        const auto text = files.bytes(input.text.vocabulary_file);
        if (!text) return text.error();
        if (auto put = model::put_vocabulary(input.text, *text); !put) return put;
    }
    return success();
}

} // namespace millrace::inference::worker
