// The fields of a protobuf message in their order, as far as SentencePiece's files need them. Borrows the bytes;
// FileError where they are no message.
#pragma once
#include "inference/worker/tokenizer/file_error.hpp"

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace millrace::inference::worker {

struct ProtoField {
    std::uint32_t number = 0;
    std::uint64_t integer = 0; // of a varint, a fixed32 or a fixed64
    std::string_view bytes;    // of what has a length

    bool truth() const { return integer != 0; }
    float real() const { return std::bit_cast<float>(static_cast<std::uint32_t>(integer)); }
};

template <class Use>
void each_field(std::string_view message, Use use) {
    const auto broken = [] { return FileError{"the file is broken, or no SentencePiece model"}; };
    const auto varint = [&] {
        std::uint64_t value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            if (message.empty()) throw broken();
            const auto byte = static_cast<unsigned char>(message.front());
            message.remove_prefix(1);
            value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
            if (byte < 0x80) return value;
        }
        throw broken();
    };
    const auto take = [&](std::uint64_t size) {
        if (size > message.size()) throw broken();
        const auto taken = message.substr(0, size);
        message.remove_prefix(size);
        return taken;
    };
    while (!message.empty()) {
        const auto key = varint();
        ProtoField field;
        if (key >> 3 == 0 || key >> 3 > UINT32_MAX) throw broken();
        field.number = static_cast<std::uint32_t>(key >> 3);
        switch (key & 7) {
        case 0: field.integer = varint(); break;
        case 1: std::memcpy(&field.integer, take(8).data(), 8); break;
        case 2: field.bytes = take(varint()); break;
        case 5: std::memcpy(&field.integer, take(4).data(), 4); break; // little-endian, as the processor is
        default: throw broken();
        }
        use(field);
    }
}

} // namespace millrace::inference::worker
