// What a client may ask of the server at most. Set from the configuration; read by all sessions.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace millrace::http {

struct Limits {
    std::size_t header_bytes = 16 * 1024;
    std::size_t target_bytes = 4 * 1024;
    std::size_t header_fields = 100;
    std::chrono::milliseconds header_time{10'000};  // from the first byte of a request to the end of its header
    std::chrono::milliseconds idle_time{30'000};    // between requests
    std::chrono::milliseconds write_stall{20'000};  // without a byte taken by the peer
    std::chrono::milliseconds body_grace{10'000};   // then a body must have come at body_rate on average
    std::uint64_t body_rate = 1024;                 // bytes a second
    std::size_t connections = 10'000;
    std::size_t connections_per_address = 512;      // TCP peers other than this machine
    std::size_t uploads_per_address = 100;          // streamed bodies of more than 64 KiB, or in chunks, at one time
    bool count_loopback = false;                    // apply the limits per address to 127.0.0.0/8 and ::1 too: off,
                                                    // because a proxy on this machine puts everybody there
};

} // namespace millrace::http
