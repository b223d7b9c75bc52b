#include "cli/models/made_picture.hpp"
#include "cli/models/model_bench_figures.hpp"
#include "cli/models/model_bench_input.hpp"
#include "unit/cli/command_line.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <numeric>

using namespace millrace;
using namespace millrace::cli;
using namespace millrace::cli::test;

namespace {

Sample sample(double latency_ms) { return {latency_ms, {8, 1.5, 3}}; }

values::Manifest manifest(const std::string& input, const std::string& rest = "") {
    auto read = values::Manifest::parse(
        R"({"format":1,"name":"m","task":"tensor","input":)" + input +
        R"(,"output":{"name":"y","datatype":"FP32","shape":[4]},"postprocess":{"kind":"raw"})" + rest + "}");
    REQUIRE_MESSAGE(read.has_value(), (read ? "" : read.error().detail));
    return std::move(*read);
}

const std::string tensor = R"({"name":"x","kind":"tensor","datatype":"FP32","shape":[3,-1]})";
const std::string picture =
    R"({"name":"image","kind":"image","datatype":"FP32","shape":[3,8,12],"color":"rgb","resize":[8,12]})";

std::string json_of(const std::string& request) {
    const auto length = std::stoul(request.substr(request.find("Inference-Header-Content-Length: ") + 33));
    return request.substr(request.find("\r\n\r\n") + 4, length);
}
std::string behind_json(const std::string& request) {
    return request.substr(request.find("\r\n\r\n") + 4 + json_of(request).size());
}

} // namespace

TEST_CASE("a percentile is the smallest value that so many do not exceed") {
    std::vector<double> values(100);
    std::iota(values.begin(), values.end(), 1.0);
    CHECK(percentile(values, 0.50) == 50);
    CHECK(percentile(values, 0.95) == 95);
    CHECK(percentile(values, 0.99) == 99);
    CHECK(percentile({7}, 0.50) == 7);
    CHECK(percentile({7}, 0.99) == 7);
    CHECK(percentile({1, 2}, 0.50) == 1);
    CHECK(percentile({1, 2}, 0.51) == 2);
    CHECK(percentile({}, 0.5) == 0);
}

TEST_CASE("a rate is the sum of what each client did in its own time") {
    const Cell cell{8, {{2.0, {sample(10), sample(30), sample(20)}, 1}, {4.0, {sample(500)}, 0}}};
    const auto figures = summarize(cell);
    CHECK(figures.requests == 4);
    CHECK(figures.per_second == 14); // 3 requests of 8 in 2 s and 1 in 4 s
    CHECK(figures.mean_ms == 140);
    CHECK(figures.p50_ms == 20);
    CHECK(figures.p99_ms == 500);
    CHECK(figures.errors == 1);
    CHECK(figures.server.batch_size == 8);
    CHECK(figures.server.queue_ms == 1.5);
}

TEST_CASE("of nothing but errors there is no rate") {
    const auto figures = summarize({1, {{1.0, {}, 3}}});
    CHECK(figures.per_second == 0);
    CHECK(figures.p50_ms == 0);
    CHECK(figures.errors == 3);
    CHECK(summarize({1, {{}, {}}}).per_second == 0); // ended before it began
}

TEST_CASE("what the server measured is read from its answers, whatever labels are in them") {
    const auto found = server_figures(
        R"({"label":"\"batch_size\":99","model":"m","model_version":"1","batch_size":4,"queue_ms":7.5E-1,"infer_ms":2})");
    REQUIRE(found.has_value());
    CHECK(found->batch_size == 4);
    CHECK(found->queue_ms == 0.75);
    CHECK(found->infer_ms == 2);
    CHECK_FALSE(server_figures(R"({"outputs":[]})").has_value());
}

TEST_CASE("tensors are made up as the manifest declares them, by batches, and differ from request to request") {
    const auto declared = manifest(tensor);
    const auto requests = bench_requests({"my model", "2", declared}, {}, 5);
    REQUIRE(requests.size() > 1);
    CHECK(requests[0] != requests[1]);
    CHECK(first_line(requests[0]) == "POST /v2/models/my%20model/versions/2/infer");
    const auto head = json::parse(json_of(requests[0]));
    CHECK(json::serialize(head.at("inputs").at(0).at("shape")) == "[5,3,64]");
    CHECK(behind_json(requests[0]).size() == 5 * 3 * 64 * sizeof(float));
}

TEST_CASE("one picture goes to predict, several go together as BYTES") {
    const auto declared = manifest(picture);
    const auto alone = bench_requests({"m", "", declared}, {}, 1).front();
    CHECK(first_line(alone) == "POST /api/v1/models/m/predict");
    CHECK(contains(alone, "Content-Type: image/png\r\n"));
    CHECK(contains(alone, "\r\n\r\n\x89PNG"));
    const auto together = bench_requests({"m", "", declared}, {}, 3).front();
    CHECK(first_line(together) == "POST /v2/models/m/infer");
    const auto head = json::parse(json_of(together));
    CHECK(json::serialize(head.at("inputs").at(0)).find(R"("datatype":"BYTES","shape":[3])") != std::string::npos);
    const auto bytes = behind_json(together);
    CHECK(head.at("inputs").at(0).at("parameters").at("binary_data_size").to_number<std::size_t>() == bytes.size());
    const auto first = static_cast<unsigned char>(bytes[0]) + (static_cast<unsigned char>(bytes[1]) << 8);
    CHECK(bytes.substr(4, 4) == "\x89PNG");
    CHECK(bytes.substr(4 + static_cast<std::size_t>(first) + 4, 4) == "\x89PNG");
}

TEST_CASE("files of a tensor model are not sent together") {
    const auto declared = manifest(tensor);
    CHECK_THROWS_AS(bench_requests({"m", "", declared}, {"/dev/null"}, 2), Failure);
    CHECK(takes_batches(declared, false));
    CHECK_FALSE(takes_batches(declared, true));
}

TEST_CASE("model bench prints a row for each batch and number of connections, and the errors' words") {
    const auto model = R"({"name":"m","production":"1","versions":[{"version":"1","manifest":)" +
                       json::serialize(manifest(picture).to_json()) + "}]}";
    FakeDaemon daemon{{answer(200, model), answer(200, R"({"label":"7","batch_size":4,"queue_ms":0.5,"infer_ms":2})")}};
    const auto found =
        ask(daemon, {"model", "bench", "m", "--concurrency", "1,2", "--batch", "1", "--seconds", "0.1", "--json"});
    CHECK(found.code == 0);
    const auto rows = json::parse(found.out).at("rows").as_array();
    REQUIRE(rows.size() == 2);
    CHECK(rows[1].at("concurrency") == 2);
    CHECK(json::parse(found.out).at("input") == "made up");
    CHECK(json::parse(found.out).at("error").is_null());
    CHECK(rows[0].at("batch_size").to_number<double>() == 4);
    CHECK(rows[0].at("requests").to_number<int>() > 0);

    FakeDaemon broken{
        {answer(200, model), answer(503, R"({"title":"Unavailable","detail":"too many predictions are waiting"})")}};
    const auto refused = ask(broken, {"model", "bench", "m", "--concurrency", "1", "--batch", "1", "--seconds", "0.1"});
    CHECK(refused.code == 1);
    CHECK(contains(refused.out, "CONNECTIONS"));
    CHECK(contains(refused.err, "503: too many predictions are waiting"));
}
