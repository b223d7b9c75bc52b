// What a client may ask of the server at most. Set from the configuration; read by all sessions.
#pragma once
#include "base/network.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace millrace::http {

struct Limits {
    std::size_t header_bytes = 16 * 1024;
    std::size_t target_bytes = 4 * 1024;
    std::size_t header_fields = 100;
    std::chrono::milliseconds header_time{10'000}; // from the first byte of a request to the end of its header
    std::chrono::milliseconds idle_time{30'000};   // between requests
    std::chrono::milliseconds write_stall{20'000}; // without a byte taken by the peer
    std::chrono::milliseconds body_grace{10'000};  // then a body must have come at body_rate on average
    std::uint64_t body_rate = 1024;                // bytes a second
    std::size_t connections = 10'000;              // over TCP
    std::size_t connections_per_address = 512; // TCP peers other than this machine; requests of a client behind a proxy
    std::size_t uploads_per_address = 100;     // streamed bodies of more than 64 KiB, or in chunks, at one time
    std::size_t admin_connections = 256;       // over the unix socket, beside those over TCP
    std::vector<IpNetwork> proxies; // trusted: who they say is the client (forwarded.hpp); not counted by address
    bool count_loopback = false;    // apply the limits per address to 127.0.0.0/8 and ::1 too: off, because
                                    // a proxy on this machine puts everybody there
    // Without that, an address of this machine may have three quarters of the connections.
    std::size_t connections_of_loopback() const { return connections - connections / 4; }
    // The last places are for addresses from which a key was shown.
    std::size_t connections_for_strangers() const { return connections - connections / 16; }
};

} // namespace millrace::http
