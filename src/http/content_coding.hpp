// The codings that bodies may be packed with (RFC 9110, section 8.4): gzip, and deflate, which is zlib's format.
#pragma once
#include "base/result.hpp"
#include "http/request.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace millrace::http {

enum class Coding { identity, gzip, deflate };
std::string_view name(Coding coding);

// Of a Content-Encoding, empty when it is absent. unsupported_type for any other coding, and for several.
Result<Coding> content_coding(std::string_view content_encoding);
// What an answer may be packed with, by the weights of an Accept-Encoding; identity where nothing else is asked for.
Coding accepted_coding(std::string_view accept_encoding);

std::string pack(std::string_view bytes, Coding coding); // quickly rather than tightly

// A body, unpacked while it is read. Errors of read(), beside those of the packed body: invalid_argument for bytes that
// are not of the coding, too_large past max_bytes, and for what grows like no honest body (see the .cpp).
class UnpackingReader final : public BodyReader {
public:
    // `packed` must outlive it; `coding` is not identity.
    UnpackingReader(BodyReader& packed, Coding coding, std::uint64_t max_bytes);
    ~UnpackingReader() override;
    UnpackingReader(const UnpackingReader&) = delete;
    UnpackingReader& operator=(const UnpackingReader&) = delete;

    awaitable<Result<std::size_t>> read(std::span<std::byte> into) override;
    std::optional<std::uint64_t> length() const override { return std::nullopt; }

private:
    struct State;
    Result<std::size_t> unpack(std::span<std::byte> into); // 0: more is needed
    Result<bool> begin_next();                             // after the end of a stream: is there another?
    std::unique_ptr<State> state_;
};

} // namespace millrace::http
