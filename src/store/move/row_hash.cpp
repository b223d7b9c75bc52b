#include "store/move/row_hash.hpp"

#include "base/utf8.hpp"

#include <bit>
#include <cstring>
#include <string>

namespace millrace::store {
namespace {

// XXH64's primes and rounds (https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md): its order of lanes is not needed.
constexpr std::uint64_t prime1 = 0x9e3779b185ebca87, prime2 = 0xc2b2ae3d27d4eb4f, prime3 = 0x165667b19e3779f9,
                        prime4 = 0x85ebca77c2b2ae63;

std::string without_zeros(std::string_view text) {
    std::string whole;
    for (const char c : text)
        if (c == '\0') whole += replacement_character;
        else whole += c;
    return whole;
}

} // namespace

void RowHash::mix(std::uint64_t lane) {
    state_ ^= std::rotl(lane * prime2, 31) * prime1;
    state_ = std::rotl(state_, 27) * prime1 + prime4;
}

void RowHash::add_real(double value) {
    mix(3);
    mix(std::bit_cast<std::uint64_t>(value));
}

void RowHash::add_text(std::string_view value) {
    if (value.find('\0') != std::string_view::npos) return add_text(without_zeros(value));
    mix(4 + value.size());
    while (!value.empty()) {
        std::uint64_t lane = 0;
        const auto taken = std::min(sizeof lane, value.size());
        std::memcpy(&lane, value.data(), taken);
        mix(lane);
        value.remove_prefix(taken);
    }
}

std::uint64_t RowHash::value() const {
    auto hash = state_;
    hash ^= hash >> 33;
    hash *= prime2;
    hash ^= hash >> 29;
    hash *= prime3;
    return hash ^ (hash >> 32);
}

} // namespace millrace::store
