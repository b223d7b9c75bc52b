// Frames over a SOCK_SEQPACKET socket, with file descriptors beside them. A frame above 128 KiB travels as
// sealed memory (memfd) whose descriptor is sent instead; the receiver copies it out, so that a peer that
// changes or shrinks it afterwards changes nothing.
#pragma once
#include "base/descriptor.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace millrace::inference {

struct Received {
    std::string body;
    std::vector<Descriptor> descriptors;
};

enum class ChannelStatus {
    done,
    would_block, // non-blocking socket only
    closed,      // the peer is gone
    broken,      // the peer sent what no peer of ours sends, or the system refused
};

inline constexpr std::size_t max_inline_frame = 128 * 1024;
inline constexpr std::uint64_t max_frame = std::uint64_t{1} << 30;

// Two connected ends, close-on-exec. Throws std::system_error.
std::pair<Descriptor, Descriptor> make_channel();

// Sends one frame. Descriptors are borrowed. Thread-safe per socket as sendmsg(2) is: frames never mix.
ChannelStatus send_frame(int socket, std::string_view body, std::span<const int> descriptors);
ChannelStatus receive_frame(int socket, Received& received);

// A file in memory that nobody can change. Holds nothing when there is no room for it, or no descriptor.
Descriptor sealed_memory(std::string_view bytes);

// Reads exactly `size` bytes from offset 0 of a file; nullopt when there are fewer or reading fails.
std::optional<std::string> read_exactly(int descriptor, std::uint64_t size);

} // namespace millrace::inference
