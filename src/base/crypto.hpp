// The few primitives of cryptography that are needed everywhere, on OpenSSL and getrandom(2).
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace millrace {

using Sha256 = std::array<std::byte, 32>;

// Fills `out` from the kernel; ends the process if the kernel has none to give (it never blocks after boot).
void random_bytes(std::span<std::byte> out);
// The same, eight bytes at a time: one call of the kernel serves a thread many times.
std::uint64_t random64();

Sha256 sha256(std::string_view bytes);

// A digest over pieces. Not thread-safe.
class Sha256Stream {
public:
    Sha256Stream();
    ~Sha256Stream();
    Sha256Stream(Sha256Stream&&) noexcept;
    Sha256Stream& operator=(Sha256Stream&&) noexcept;
    void update(std::span<const std::byte> bytes);
    Sha256 finish(); // once

private:
    struct State;
    std::unique_ptr<State> state_;
};

// Compares in time that depends on the length only. For every secret.
bool equal_secrets(std::string_view a, std::string_view b);

} // namespace millrace
