// Pages of lists that are held in memory: by bytes, with a cursor.
#include "api/page_text.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace millrace;
using namespace millrace::api;

namespace {

// All places that following the cursors finds, and how many pages that took.
std::pair<std::vector<std::string>, int> follow(std::vector<std::string> places, PageText::Order order,
                                                std::size_t bytes) {
    std::vector<std::string> seen;
    std::string cursor;
    for (int pages = 1; pages < 100; ++pages) {
        http::Query query;
        if (!cursor.empty()) query.add("cursor", cursor);
        PageText page{query, order};
        for (const auto& place : places)
            if (page.wants(place))
                page.add(place, json::object{{"place", place}, {"filling", std::string(bytes, 'x')}});
        const auto shown = json::parse(page.text());
        for (const auto& item : shown.at("data").as_array()) seen.emplace_back(item.at("place").as_string());
        const auto& next = shown.at("meta").at("next_cursor");
        if (next.is_null()) return {seen, pages};
        cursor = next.as_string();
    }
    return {seen, 0};
}

} // namespace

TEST_CASE("a list that is small is one page, a large one is several without a gap") {
    std::vector<std::string> places;
    for (char letter = 'a'; letter <= 't'; ++letter) places.emplace_back(1, letter);
    CHECK(follow(places, PageText::Order::rising, 10) == std::pair{places, 1});
    CHECK(follow(places, PageText::Order::rising, 1 << 20) == std::pair{places, 5});
    CHECK(follow({}, PageText::Order::rising, 10) == std::pair{std::vector<std::string>{}, 1});
    std::reverse(places.begin(), places.end());
    CHECK(follow(places, PageText::Order::falling, 1 << 20) == std::pair{places, 5});
}

TEST_CASE("numbers are written without exponents, as everywhere") {
    PageText page{{}, PageText::Order::rising};
    page.add("a", json::object{{"rate", 30.0}, {"none", 0.0}});
    CHECK(page.text().find(R"("rate":30,"none":0})") != std::string::npos);
}
