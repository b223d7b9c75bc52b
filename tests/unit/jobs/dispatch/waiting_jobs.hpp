// Jobs, keys and moments for the tests of what stands in line. Nothing is stored.
#pragma once
#include "jobs/dispatch/ready_queue.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <vector>

namespace millrace::jobs::test {

using namespace std::chrono_literals;
using std::chrono::microseconds;

// The wall clock and the monotonic one, both that long after their beginning.
inline Now at(microseconds time) { return {Timestamp{time.count()}, Monotonic{time}}; }
inline Now at(std::chrono::seconds time) { return at(microseconds{time}); }

inline OrganizationId organization(std::uint8_t number) {
    OrganizationId id;
    id.value.bytes[15] = number;
    return id;
}
inline ActorId key(std::uint8_t number) {
    ActorId id;
    id.value.bytes[15] = number;
    return id;
}
inline JobId job_id(std::uint32_t number) {
    JobId id;
    for (int i = 0; i < 4; ++i)
        id.value.bytes[static_cast<std::size_t>(15 - i)] = static_cast<std::uint8_t>(number >> (8 * i));
    return id;
}

inline const ReadyQueue::Open all_open = [](const ReadyQueue::Lane&) { return true; };

} // namespace millrace::jobs::test
