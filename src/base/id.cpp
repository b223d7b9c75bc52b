#include "base/id.hpp"

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "base/encoding.hpp"

#include <cstring>

namespace millrace {
namespace {

constexpr char hex_digits[] = "0123456789abcdef";

} // namespace

Uuid Uuid::make() {
    // 48 bits of milliseconds, then 12 bits of sub-millisecond time (RFC 9562, section 6.2, method 3), kept
    // increasing within a thread.
    thread_local std::uint64_t last = 0;
    const auto micros = static_cast<std::uint64_t>(SystemClock::instance().now().micros);
    std::uint64_t stamp = (micros / 1000) << 12 | (micros % 1000) * 4096 / 1000;
    if (stamp <= last) stamp = last + 1;
    last = stamp;

    const std::uint64_t high = (stamp >> 12) << 16 | 0x7000 | (stamp & 0xfff);
    const std::uint64_t low = (random64() & 0x3fffffffffffffffULL) | 0x8000000000000000ULL;
    Uuid id;
    for (std::size_t i = 0; i < 8; ++i) {
        id.bytes[i] = static_cast<std::uint8_t>(high >> (56 - 8 * i));
        id.bytes[8 + i] = static_cast<std::uint8_t>(low >> (56 - 8 * i));
    }
    return id;
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
    if (text.size() != 36) return std::nullopt;
    Uuid id;
    std::size_t byte = 0;
    for (std::size_t i = 0; i < 36;) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text[i++] != '-') return std::nullopt;
            continue;
        }
        const int high = hex_value(text[i]);
        const int low = hex_value(text[i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        id.bytes[byte++] = static_cast<std::uint8_t>(high << 4 | low);
        i += 2;
    }
    return id;
}

std::string Uuid::text() const {
    std::string out(36, '-');
    write_text(out.data());
    return out;
}

void Uuid::write_text(char* out) const {
    std::size_t at = 0;
    for (std::size_t i = 0; i < 16; ++i) {
        if (at == 8 || at == 13 || at == 18 || at == 23) out[at++] = '-';
        out[at++] = hex_digits[bytes[i] >> 4];
        out[at++] = hex_digits[bytes[i] & 15];
    }
}

} // namespace millrace

std::size_t std::hash<millrace::Uuid>::operator()(const millrace::Uuid& id) const noexcept {
    std::uint64_t low;
    std::memcpy(&low, id.bytes.data() + 8, sizeof low); // the random half
    return low;
}
