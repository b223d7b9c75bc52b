// Many seeds of the simulation: ten thousand, fewer under a sanitizer. MILLRACE_SIMULATION_SEEDS says how many,
// MILLRACE_SIMULATION_SEED runs one alone and tells what happened in it.
#include "unit/jobs/dispatch/simulation.hpp"

#include <cstdio>
#include <cstdlib>

using namespace millrace;
using namespace millrace::jobs::test;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t seeds = 1000;
#else
constexpr std::uint64_t seeds = 10'000;
#endif

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

// What was broken, or nothing.
std::string broken_by(std::uint64_t seed, bool tell) {
    Simulation simulation{seed};
    std::string broken;
    try {
        simulation.run();
    } catch (const Broken& what) { broken = what.what(); } catch (const store::DatabaseError& error) {
        broken = error.what();
    }
    if (tell)
        for (const auto& line : simulation.story()) std::puts(line.c_str());
    return broken;
}

} // namespace

TEST_CASE("whatever happens, every job ends once, no stale lease writes, and no limit is passed") {
    if (const char* one = std::getenv("MILLRACE_SIMULATION_SEED")) {
        CHECK(broken_by(std::strtoull(one, nullptr, 10), true) == "");
        return;
    }
    int failures = 0;
    for (std::uint64_t seed = 1; seed <= from_environment("MILLRACE_SIMULATION_SEEDS", seeds) && failures < 5; ++seed) {
        const auto broken = broken_by(seed, false);
        if (broken.empty()) continue;
        ++failures;
        FAIL_CHECK("seed ", seed, ": ", broken, "\n  alone: MILLRACE_SIMULATION_SEED=", seed,
                   " test_jobs -tc='whatever happens*'");
    }
}
