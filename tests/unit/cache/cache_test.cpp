#include "cache/lmdb.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

using namespace millrace;
using namespace millrace::cache;
using std::chrono::seconds;

namespace {

class HandClock final : public Clock {
public:
    Timestamp now() const override { return {micros}; }
    Monotonic monotonic() const override { return {}; }
    std::atomic<std::int64_t> micros{1'000'000};
};

struct Fixture {
    Fixture() {
        std::string pattern = (std::filesystem::temp_directory_path() / "millrace-cache-XXXXXX").string();
        folder = ::mkdtemp(pattern.data());
        open();
    }
    ~Fixture() {
        cache.reset();
        std::filesystem::remove_all(folder);
    }
    void open(std::size_t limit = std::size_t{4} << 20) {
        cache.reset();
        cache = open_lmdb({.folder = data(), .limit = limit}, clock, log, metrics).value();
    }
    std::filesystem::path data() const { return folder / "cache"; }

    std::filesystem::path folder;
    HandClock clock;
    telemetry::Log log{telemetry::Level::error, telemetry::LogFormat::logfmt, -1};
    telemetry::Metrics metrics;
    std::unique_ptr<Cache> cache;
};

} // namespace

TEST_CASE("a value is found until it is erased, replaced or expired") {
    Fixture fixture;
    auto& cache = *fixture.cache;
    CHECK_FALSE(cache.get("a"));
    cache.put("a", "one", seconds{10});
    CHECK(cache.get("a") == "one");
    cache.put("a", "two", seconds{20});
    CHECK(cache.get("a") == "two");
    CHECK(cache.stats().entries == 1);
    fixture.clock.micros += 15'000'000; // past the first expiry, which no longer counts
    CHECK(cache.get("a") == "two");
    fixture.clock.micros += 5'000'000;
    CHECK_FALSE(cache.get("a"));
    cache.put("a", "three", seconds{10});
    cache.erase("a");
    CHECK_FALSE(cache.get("a"));
    cache.erase("a");
}

TEST_CASE("what has expired is taken away by later puts") {
    Fixture fixture;
    for (int i = 0; i < 10; ++i) fixture.cache->put(fmt::format("old{}", i), "x", seconds{1});
    fixture.clock.micros += 2'000'000;
    for (int i = 0; i < 10; ++i) fixture.cache->put(fmt::format("new{}", i), "x", seconds{100});
    CHECK(fixture.cache->stats().entries == 10);
}

TEST_CASE("the cache stays within its limit and drops what expires soonest") {
    Fixture fixture;
    fixture.open(std::size_t{1} << 20);
    const std::string value(10'000, 'v');
    for (int i = 0; i < 1000; ++i) fixture.cache->put(fmt::format("k{}", i), value, seconds{1000 + i});
    CHECK(fixture.cache->stats().bytes <= (1u << 20) + 65536);
    CHECK(fixture.cache->get("k999") == value);
    CHECK_FALSE(fixture.cache->get("k0"));
    CHECK(fixture.cache->stats().entries > 50);
}

TEST_CASE("keys and values that are too large are not kept, and do no harm") {
    Fixture fixture;
    fixture.cache->put(std::string(2000, 'k'), "x", seconds{10});
    CHECK_FALSE(fixture.cache->get(std::string(2000, 'k')));
    fixture.cache->put("", "x", seconds{10});
    CHECK_FALSE(fixture.cache->get(""));
    fixture.cache->put("big", std::string(std::size_t{4} << 20, 'v'), seconds{10});
    CHECK_FALSE(fixture.cache->get("big"));
    fixture.cache->put("a", "one", seconds{10});
    CHECK(fixture.cache->get("a") == "one");
}

TEST_CASE("the cache outlives a clean restart") {
    Fixture fixture;
    fixture.cache->put("a", "one", seconds{10});
    fixture.open();
    CHECK(fixture.cache->get("a") == "one");
}

TEST_CASE("a cache that cannot be read is moved aside and starts afresh") {
    for (const bool cut : {false, true}) {
        Fixture fixture;
        for (int i = 0; i < 100; ++i) fixture.cache->put(fmt::format("k{}", i), std::string(5000, 'v'), seconds{10});
        fixture.cache.reset();
        if (cut) std::filesystem::resize_file(fixture.data() / "data.mdb", 20'000);
        else std::ofstream{fixture.data() / "data.mdb", std::ios::trunc} << std::string(50'000, 'x');
        fixture.open();
        CHECK_FALSE(fixture.cache->get("k1"));
        fixture.cache->put("a", "one", seconds{10});
        CHECK(fixture.cache->get("a") == "one");
        CHECK(std::filesystem::exists(fixture.folder / "cache.damaged"));
    }
}

TEST_CASE("a cache that was open when the machine went down is not trusted") {
    Fixture fixture;
    fixture.cache->put("a", "one", seconds{10});
    fixture.cache.reset();
    std::ofstream{fixture.data() / "mark", std::ios::trunc} << "another boot\n";
    fixture.open();
    CHECK_FALSE(fixture.cache->get("a"));
}

TEST_CASE("a cache whose process was killed is still good while the machine stays up") {
    Fixture fixture;
    fixture.cache->put("a", "one", seconds{10});
    std::filesystem::copy(fixture.data(), fixture.folder / "copy"); // as a killed process leaves it
    fixture.cache.reset();
    std::filesystem::remove_all(fixture.data());
    std::filesystem::rename(fixture.folder / "copy", fixture.data());
    fixture.open();
    CHECK(fixture.cache->get("a") == "one");
}

TEST_CASE("many threads put and get at once") {
    Fixture fixture;
    std::vector<std::thread> threads;
    std::atomic<int> wrong{0};
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 300; ++i) {
                const auto key = std::to_string(t) + ":" + std::to_string(i);
                fixture.cache->put(key, key + "!", seconds{100});
                if (fixture.cache->get(key) != key + "!") ++wrong;
            }
        });
    for (auto& thread : threads) thread.join();
    CHECK(wrong == 0);
    CHECK(fixture.cache->stats().entries == 1200);
}
