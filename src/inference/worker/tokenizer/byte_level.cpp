#include "inference/worker/tokenizer/byte_level.hpp"

#include "inference/worker/tokenizer/characters.hpp"

#include <array>

namespace millrace::inference::worker {
namespace {

struct Written {
    char bytes[2];
    unsigned char size;
};

// Printable characters of Latin-1 stand for themselves, the other bytes for U+0100 and on, in their order.
std::array<Written, 256> make_table() {
    std::array<Written, 256> table{};
    char32_t next = 0x100;
    for (unsigned byte = 0; byte < 256; ++byte) {
        const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte != 0xad);
        std::string text;
        append_utf8(text, printable ? byte : next++);
        for (std::size_t i = 0; i < text.size(); ++i) table[byte].bytes[i] = text[i];
        table[byte].size = static_cast<unsigned char>(text.size());
    }
    return table;
}

} // namespace

void append_byte_level(std::string& text, std::string_view bytes) {
    static const auto table = make_table();
    for (const char byte : bytes) {
        const auto& written = table[static_cast<unsigned char>(byte)];
        text.append(written.bytes, written.size);
    }
}

} // namespace millrace::inference::worker
