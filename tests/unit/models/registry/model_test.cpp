#include "models/model.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::models;

TEST_CASE("a model's name is fit for addresses and labels") {
    for (const char* good : {"a", "digits", "land-cover_2", "0"}) CHECK_MESSAGE(is_name(good), good);
    for (const char* bad : {"", "-a", "_a", "A", "a b", "a/b", "..", "a.b", "\xc3\xa9"})
        CHECK_MESSAGE(!is_name(bad), bad);
    CHECK(is_name(std::string(63, 'a')));
    CHECK_FALSE(is_name(std::string(64, 'a')));
}

TEST_CASE("a version is a plain positive number") {
    CHECK(version_number("1") == 1);
    CHECK(version_number("120") == 120);
    for (const char* bad : {"", "0", "01", "-1", "+1", "1.0", "v1", " 1", "1234567890"})
        CHECK_MESSAGE(!version_number(bad), bad);
}

TEST_CASE("a model's document says all of its newest versions and of those in its traffic, and is bounded") {
    Model model;
    model.name = "many";
    const std::vector<std::string> labels(10'000, std::string(100, 'x')); // a megabyte
    for (int number = 1; number <= 50; ++number) {
        auto manifest = std::make_shared<values::Manifest>();
        manifest->labels = labels;
        Version version;
        version.number = number;
        version.manifest = manifest;
        model.versions.push_back(std::move(version));
    }
    model.traffic.production = 2;
    const auto document = to_json(model, false);
    const auto& versions = document.at("versions").as_array();
    REQUIRE(versions.size() == 50);
    const auto is_whole = [&](std::size_t number) { return versions[number - 1].as_object().contains("labels"); };
    CHECK(is_whole(50));
    CHECK(is_whole(47));
    CHECK(is_whole(2));
    CHECK_FALSE(is_whole(40));
    CHECK_FALSE(is_whole(1));
    CHECK(versions[0].at("version") == "1");
    CHECK(json::serialize(document).size() < 8 << 20);
    CHECK(to_json(model.versions[0], false).contains("labels"));
}
