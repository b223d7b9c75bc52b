// Texts of an open length, through a real worker and libtorch. texts.pt gives the sum of the tokens, how many are not
// 0, and how many came with the filling.
#include "unit/inference/engine_fixture.hpp"

#include <cstring>
#include <numeric>

namespace {

using namespace millrace::inference::testing;

std::shared_ptr<const ModelVersion> texts(int longest = 100, int most_rows = 32,
                                          const std::string& tokenizer = R"("kind":"bytes")") {
    return model_of(
        "texts.pt",
        R"({"format":1,"name":"texts","task":"tensor","input":{"name":"text","kind":"text","datatype":"INT64","shape":[-1],"tokenizer":{)" +
            tokenizer + R"(,"max_length":)" + std::to_string(longest) +
            R"(}},"output":{"shape":[3]},"batching":{"max_batch":)" + std::to_string(most_rows) +
            R"(,"max_delay_ms":100}})");
}

Request raw(std::shared_ptr<const ModelVersion> model, const std::string& media_type, const std::string& bytes) {
    Request request;
    request.model = std::move(model);
    request.input.media_type = media_type;
    request.input.bytes = bytes;
    request.raw = true;
    return request;
}

std::vector<float> numbers(const Outcome& outcome) {
    REQUIRE_MESSAGE(outcome.has_value(), said(outcome));
    REQUIRE(outcome->tensors.size() == 1);
    std::vector<float> list(outcome->tensors.front().bytes.size() / sizeof(float));
    std::memcpy(list.data(), outcome->tensors.front().bytes.data(), outcome->tensors.front().bytes.size());
    return list;
}

float sum_of(const std::string& text) { return static_cast<float>(std::accumulate(text.begin(), text.end(), 0)); }

} // namespace

TEST_CASE("a text of an open length comes as it is, and is cut at its longest") {
    if (!has_runtime()) return;
    Fixture f;
    const auto model = texts(5);
    const auto one = f.run(raw(model, "text/plain", "abc"));
    CHECK(numbers(one) == std::vector<float>{sum_of("abc"), 3, 3});
    CHECK(one->tokens == 3);
    const auto cut = f.run(raw(model, "text/plain", "abcdefgh"));
    CHECK(numbers(cut) == std::vector<float>{sum_of("abcde"), 5, 5});
    CHECK(cut->tokens == 5);
    const auto given = f.run(raw(model, "application/json", R"({"tokens":[1,2,3,4]})"));
    CHECK(numbers(given) == std::vector<float>{10, 4, 4});
    CHECK(said(f.run(raw(model, "application/json", R"({"tokens":[1,2,3,4,5,6]})")))
              .find("6 tokens, the model takes at most 5") != std::string::npos);
    CHECK(said(f.run(raw(model, "application/json", R"({"data":[1,2,3,4,5,6]})")))
              .find("6 tokens, the model takes at most 5") != std::string::npos);
}

TEST_CASE("texts of one request are filled up to its longest, with the padding's number") {
    if (!has_runtime()) return;
    Fixture f;
    const auto several =
        f.run(raw(texts(50, 8, R"("kind":"bytes","padding":1000)"), "application/json", R"({"text":["a","bcd"]})"));
    CHECK(numbers(several) == std::vector<float>{sum_of("a") + 2000, 3, 3, sum_of("bcd"), 3, 3});
    CHECK(several->tokens == 4);
}

TEST_CASE("requests of many lengths share passes with those that are nearly as long") {
    if (!has_runtime()) return;
    Fixture f;
    const auto model = texts();
    REQUIRE(f.load(model).has_value());
    std::vector<std::string> all;
    for (int i = 0; i < 64; ++i) all.emplace_back(static_cast<std::size_t>(1 + i * 37 % 60), 'x');
    std::vector<std::future<Outcome>> answers;
    for (const auto& text : all) answers.push_back(f.send(raw(model, "text/plain", text)));
    int shared = 0;
    float filled = 0, own = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
        const auto outcome = answers[i].get();
        const auto got = numbers(outcome);
        CHECK(got[0] == sum_of(all[i]));
        CHECK(got[1] == static_cast<float>(all[i].size()));
        CHECK(got[2] >= got[1]);
        shared += outcome->batch_size > 1;
        own += got[1];
        filled += got[2];
    }
    CHECK(shared > 32);      // not one pass a length
    CHECK(filled < 64 * 60); // and not all filled up to the longest
    CHECK(filled >= own);
}

TEST_CASE("a pass takes no more rows than the model, though requests bring several") {
    if (!has_runtime()) return;
    Fixture f;
    const auto model = texts(20, 4);
    REQUIRE(f.load(model).has_value());
    std::vector<std::future<Outcome>> answers;
    for (int i = 0; i < 6; ++i)
        answers.push_back(f.send(raw(model, "application/json", R"({"text":["aa","b","cc"]})")));
    for (auto& each : answers) {
        const auto outcome = each.get();
        CHECK(numbers(outcome).size() == 9);
        CHECK(outcome->batch_size <= 4);
    }
}
