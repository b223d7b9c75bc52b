// The file descriptors of this process: connections, files, pipes of workers and commands all take some.
#pragma once
#include <cstddef>
#include <cstdint>

namespace millrace::app {

std::size_t descriptor_limit(); // that is in force

// Raises it as far as the system allows without privileges (to the hard limit): shells give 1,024. The worker and
// commands set limits of their own.
void raise_descriptor_limit();

// How many of the connections that are wanted fit into so many descriptors: each may be sent a file, and something is
// left for the store, blobs and workers, so that these never go without because strangers connect.
std::size_t connections_for(std::uint32_t wanted, std::size_t descriptors);

} // namespace millrace::app
