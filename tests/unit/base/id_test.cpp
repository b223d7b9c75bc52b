#include "base/clock.hpp"
#include "base/id.hpp"

#include <doctest/doctest.h>

#include <set>
#include <thread>
#include <unordered_set>

using namespace millrace;

TEST_CASE("ids made one after the other are ordered, as values and as text") {
    Uuid last = Uuid::make();
    for (int i = 0; i < 20000; ++i) {
        const Uuid next = Uuid::make();
        REQUIRE(last < next);
        REQUIRE(last.text() < next.text());
        last = next;
    }
}

TEST_CASE("an id is a UUIDv7 of now") {
    const auto before = SystemClock::instance().now().micros / 1000;
    // On a thread of its own: after a burst of more than four thousand a millisecond a thread's ids run ahead of the
    // clock.
    Uuid id;
    std::thread{[&id] { id = Uuid::make(); }}.join();
    const auto after = SystemClock::instance().now().micros / 1000;
    std::int64_t millis = 0;
    for (int i = 0; i < 6; ++i) millis = millis << 8 | id.bytes[static_cast<std::size_t>(i)];
    CHECK(millis >= before);
    CHECK(millis <= after);
    CHECK((id.bytes[6] >> 4) == 7);
    CHECK((id.bytes[8] >> 6) == 2);
}

TEST_CASE("threads never make the same id") {
    std::vector<std::vector<Uuid>> made(4);
    std::vector<std::thread> threads;
    for (auto& mine : made)
        threads.emplace_back([&mine] {
            for (int i = 0; i < 10000; ++i) mine.push_back(Uuid::make());
        });
    for (auto& thread : threads) thread.join();
    std::unordered_set<Uuid> all;
    for (const auto& mine : made) all.insert(mine.begin(), mine.end());
    CHECK(all.size() == 40000);
}

TEST_CASE("an id is read back from its text, in either case") {
    const Uuid id = Uuid::make();
    CHECK(id.text().size() == 36);
    CHECK(Uuid::parse(id.text()) == id);
    CHECK(Uuid::parse("0197A3C2-5D1F-7C3E-8A40-F2B6D9E01C55")->text() == "0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55");
}

TEST_CASE("what is not the canonical form of an id is refused") {
    for (const char* text : {"", "0197a3c2", "0197a3c25d1f7c3e8a40f2b6d9e01c55", "0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c5",
                             "0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c555", "0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c5g",
                             "{197a3c2-5d1f-7c3e-8a40-f2b6d9e01c5}", "0197a3c2_5d1f-7c3e-8a40-f2b6d9e01c55",
                             "0197a3c25-d1f-7c3e-8a40-f2b6d9e01c55", " 197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55"})
        CHECK_FALSE(Uuid::parse(text).has_value());
    CHECK(JobId{}.is_nil());
    CHECK_FALSE(JobId::make().is_nil());
}
