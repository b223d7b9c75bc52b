#include "inference/worker/loading/side_files.hpp"

#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "inference/worker/tokenizer/tokenizer.hpp"

#include <fmt/format.h>

namespace millrace::inference::worker {

Result<SideFiles> SideFiles::open(const values::FileRefs& files, std::span<const Descriptor> descriptors) {
    SideFiles side;
    if (descriptors.size() != files.size()) return Error{Code::internal, "the model's files are not all there"};
    for (std::size_t i = 0; i < files.size(); ++i) {
        auto mapped = std::make_unique<MappedFile>(descriptors[i]);
        if (hex(sha256(mapped->bytes())) != files[i].sha256)
            return Error{Code::unprocessable,
                         fmt::format("the file \"{}\" is not the one that was registered (its digest differs)",
                                     files[i].name)};
        side.files_.emplace(files[i].name, std::move(mapped));
    }
    return side;
}

Result<std::string_view> SideFiles::bytes(const std::string& name) const {
    const auto found = files_.find(name);
    if (found == files_.end())
        return Error{Code::unprocessable, fmt::format("the manifest names the file \"{}\", which is not there", name)};
    return found->second->bytes();
}

namespace {

using values::TextPart;
using values::TextRule;

// The files that a rule names, by their names.
Result<TokenizerFiles> files_of(const TextRule& rule, const SideFiles& files) {
    TokenizerFiles named;
    for (const auto& name : {rule.file, rule.vocabulary_file, rule.merges_file}) {
        if (name.empty()) continue;
        const auto bytes = files.bytes(name);
        if (!bytes) return bytes.error();
        named[name] = *bytes;
    }
    return named;
}

Result<void> open_text(TextRule& rule, const SideFiles& files) {
    const auto named = files_of(rule, files);
    if (!named) return named.error();
    if (!rule.vocabulary_file.empty() && rule.tokenizer != values::Tokenizer::byte_pairs)
        if (auto put = values::put_vocabulary(rule, named->at(rule.vocabulary_file)); !put) return put;
    auto opened = open_tokenizer(rule, *named);
    if (!opened) return opened.error();
    rule.opened = *std::move(opened);
    rule.padding = rule.opened->padding().id;
    if (rule.open && rule.opened->padding().left)
        return Error{Code::unprocessable, "its tokenizer fills up texts on the left, which a text of the shape [-1] "
                                          "cannot be; give it a fixed length"};
    if (static_cast<std::size_t>(rule.length) <= rule.opened->marks(false))
        return Error{Code::unprocessable,
                     fmt::format("its length leaves no place for a text beside the {} tokens that are put around it",
                                 rule.opened->marks(false))};
    return success();
}

} // namespace

Result<void> complete(values::Manifest& manifest, const SideFiles& files) {
    for (auto& input : manifest.inputs) {
        if (input.kind != values::InputKind::text) continue;
        if (input.text.part != TextPart::ids) {
            const auto& of = manifest.inputs[input.text.of].text;
            input.text.opened = of.opened;
            input.text.tokenizer = of.tokenizer;
            input.text.cut = of.cut;
            input.text.padding = input.text.part == TextPart::token_types ? of.opened->padding().type : 0;
        } else if (auto opened = open_text(input.text, files); !opened) {
            return Error{opened.error().code,
                         fmt::format("input \"{}\": {}", input.tensor.name, opened.error().detail)};
        }
    }
    return success();
}

} // namespace millrace::inference::worker
