// A model's own buffers: nothing of one caller reaches another through them, unless the manifest says that they are
// shared.
#include "unit/inference/engine_fixture.hpp"

#include <algorithm>

using namespace millrace::inference::testing;

namespace {

std::shared_ptr<const ModelVersion> keeping(const std::string& file, int width, const std::string& more = "") {
    static int made = 0; // the engine knows a model by its name
    return model_of(file + ".pt", R"({"format":1,"name":")" + file + std::to_string(++made) +
                                      R"(","task":"tensor","input":{"kind":"tensor","shape":[4]},"output":{"shape":[)" +
                                      std::to_string(width) + R"(]},"batching":{"max_batch":4})" + more + "}");
}

std::vector<double> given(Fixture& f, const std::shared_ptr<const ModelVersion>& model, double first) {
    const auto outcome = f.run(model, first_value(first));
    REQUIRE_MESSAGE(outcome.has_value(), said(outcome));
    std::vector<double> numbers;
    for (const auto& each : outcome->result.at("outputs").at(0).at("data").as_array())
        numbers.push_back(each.to_number<double>());
    return numbers;
}

using Numbers = std::vector<double>;
const Numbers zeros(4, 0.0);
const std::string shared = R"(,"buffers":"shared")";

} // namespace

TEST_CASE("what a model remembers of one caller is never given to the next") {
    if (!has_runtime()) return;
    Fixture f;
    for (const auto* file : {"keeps_last", "keeps_copy", "keeps_norm"}) {
        const auto model = keeping(file, 4);
        for (int i = 1; i <= 4; ++i) CHECK_MESSAGE(given(f, model, i) == zeros, file);
    }
    const auto count = keeping("keeps_count", 3);
    for (int i = 0; i < 4; ++i) CHECK(given(f, count, i) == Numbers{1, 1, 1});
    const auto cold = keeping("keeps_last", 4, R"(,"warm_up":false)"); // not optimised, nothing to compare
    for (int i = 1; i <= 3; ++i) CHECK(given(f, cold, i) == Numbers{0, 0, 0, 0});
}

TEST_CASE("passes at a time do not meet in a model's buffers") {
    if (!has_runtime()) return;
    EngineOptions options;
    options.threads = 4;
    Fixture f{options};
    const auto model = keeping("keeps_count", 3, R"(,"execution":{"threads":1})");
    std::vector<std::future<Outcome>> futures;
    for (int i = 0; i < 64; ++i) futures.push_back(f.send(model, first_value(i), true));
    for (auto& future : futures) {
        const auto outcome = future.get();
        REQUIRE_MESSAGE(outcome.has_value(), said(outcome));
        CHECK(json::serialize(outcome->result.at("outputs").at(0).at("data")) == "[1E0,1E0,1E0]");
    }
}

TEST_CASE("shared buffers are kept from pass to pass, and the warm-up does not count") {
    if (!has_runtime()) return;
    Fixture f;
    for (const auto* file : {"keeps_last", "keeps_copy"}) {
        const auto model = keeping(file, 4, shared);
        CHECK(given(f, model, 7) == Numbers{0, 0, 0, 0});
        CHECK(given(f, model, 8) == Numbers{7, 1, 2, 3});
        CHECK(given(f, model, 9) == Numbers{8, 1, 2, 3});
    }
    const auto count = keeping("keeps_count", 3, shared);
    for (int i = 1; i <= 3; ++i) CHECK(given(f, count, 0) == Numbers(3, static_cast<double>(i)));
    const auto norm = keeping("keeps_norm", 4, shared);
    CHECK(given(f, norm, 10) == Numbers{0, 0, 0, 0});
    CHECK(given(f, norm, 10)[0] == doctest::Approx(1.05)); // a tenth of the mean of 10 and 11
}

TEST_CASE("shared buffers are changed by one pass at a time") {
    if (!has_runtime()) return;
    EngineOptions options;
    options.threads = 4;
    Fixture f{options};
    const auto model = keeping("keeps_count", 3, shared + R"(,"execution":{"threads":1})");
    std::vector<std::future<Outcome>> futures;
    for (int i = 0; i < 64; ++i) futures.push_back(f.send(model, first_value(i), true));
    std::vector<double> counts;
    for (auto& future : futures) {
        const auto outcome = future.get();
        REQUIRE_MESSAGE(outcome.has_value(), said(outcome));
        const auto& row = outcome->result.at("outputs").at(0).at("data");
        CHECK(row.at(0) == row.at(1));
        CHECK(row.at(0) == row.at(2));
        counts.push_back(row.at(0).to_number<double>());
    }
    std::sort(counts.begin(), counts.end());
    for (std::size_t i = 0; i < counts.size(); ++i) CHECK(counts[i] == static_cast<double>(i + 1));
}

TEST_CASE("the report of a model that changes itself says what becomes of that, and others are frozen as ever") {
    if (!has_runtime()) return;
    Fixture f;
    const auto keeps = f.check(keeping("keeps_last", 4));
    REQUIRE_MESSAGE(keeps.has_value(), (keeps ? "" : keeps.error().detail));
    CHECK_MESSAGE(keeps->note.find("each pass begins with what the file has") != std::string::npos, keeps->note);
    const auto plain = f.check(numbers());
    REQUIRE(plain.has_value());
    CHECK_MESSAGE(plain->note.empty(), plain->note);
    CHECK(plain->optimization == "optimized");
}
