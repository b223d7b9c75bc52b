#include "inference/input_digest.hpp"

#include "base/crypto.hpp"
#include "base/encoding.hpp"

#include <fmt/format.h>

#include <unistd.h>

namespace millrace::inference {
namespace {

void add(Sha256Stream& digest, std::string_view text) { digest.update(std::as_bytes(std::span{text})); }

// With its length, so that no two lists of parts come to the same bytes.
void add_part(Sha256Stream& digest, std::string_view text) {
    add(digest, fmt::format("{}:", text.size()));
    add(digest, text);
}

void add_file(Sha256Stream& digest, const Input& input) {
    std::vector<std::byte> piece(256 * 1024);
    for (std::uint64_t at = 0; at < input.file_size;) {
        const auto got = ::pread(input.file.get(), piece.data(), piece.size(), static_cast<off_t>(at));
        if (got <= 0) return;
        digest.update(std::span{piece}.first(static_cast<std::size_t>(got)));
        at += static_cast<std::uint64_t>(got);
    }
}

} // namespace

std::string text_of(const std::vector<Region>& regions) {
    std::string text;
    for (const auto& region : regions)
        text += fmt::format("{},{},{},{};", region.x, region.y, region.width, region.height);
    return text;
}

std::string digest_of(const Input& input) {
    if (input.file && !input.file_sha256.empty() && input.regions.empty()) return input.file_sha256;
    Sha256Stream digest;
    add(digest, text_of(input.regions));
    for (const auto& tensor : input.tensors) {
        add_part(digest, tensor.name);
        add_part(digest, values::name(tensor.datatype));
        add_part(digest, values::shape_text(tensor.shape));
        add_part(digest, tensor.bytes);
    }
    if (input.file && !input.file_sha256.empty()) {
        add(digest, input.file_sha256);
    } else if (input.file) {
        add(digest, fmt::format("{}:", input.file_size));
        add_file(digest, input);
    } else if (input.tensors.empty()) {
        add(digest, input.bytes);
    }
    return hex(digest.finish());
}

} // namespace millrace::inference
