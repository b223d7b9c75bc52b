#include "api/byte_range.hpp"

#include <doctest/doctest.h>

using namespace millrace::api;

namespace {

bool part(std::string_view header, std::uint64_t size, std::uint64_t first, std::uint64_t length) {
    const auto answer = choose_range(header, size);
    return answer.verdict == RangeVerdict::part && answer.range.first == first && answer.range.length == length;
}

} // namespace

TEST_CASE("one satisfiable range is a part") {
    CHECK(part("bytes=0-0", 10, 0, 1));
    CHECK(part("bytes=2-5", 10, 2, 4));
    CHECK(part("bytes=7-", 10, 7, 3));
    CHECK(part("bytes=7-99", 10, 7, 3));
    CHECK(part("bytes=-3", 10, 7, 3));
    CHECK(part("bytes=-99", 10, 0, 10));
}

TEST_CASE("a range beyond the end cannot be satisfied") {
    CHECK(choose_range("bytes=10-", 10).verdict == RangeVerdict::unsatisfiable);
    CHECK(choose_range("bytes=-0", 10).verdict == RangeVerdict::unsatisfiable);
    CHECK(choose_range("bytes=0-", 0).verdict == RangeVerdict::unsatisfiable);
}

TEST_CASE("what is no single byte range is ignored") {
    for (const auto* header : {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-2", "bytes=0-1,4-5", "items=0-1",
                               "bytes=1-2x", "bytes=99999999999999999999-"})
        CHECK_MESSAGE(choose_range(header, 10).verdict == RangeVerdict::whole, header);
}
