#include "models/prediction_cache.hpp"

#include "models/serving/prediction_text.hpp"
#include "values/principal.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <doctest/doctest.h>

#include <fcntl.h>

#include <map>

using namespace millrace;
using namespace millrace::models;

namespace {

// Keeps what it is given; nothing expires.
class MapCache final : public cache::Cache {
public:
    std::optional<std::string> get(std::string_view key) override {
        const auto at = kept.find(std::string{key});
        return at == kept.end() ? std::nullopt : std::optional{at->second};
    }
    void put(std::string_view key, std::string_view value, std::chrono::seconds for_so_long) override {
        kept[std::string{key}] = value;
        lifetime = for_so_long;
    }
    void erase(std::string_view key) override { kept.erase(std::string{key}); }
    cache::CacheStats stats() const override { return {}; }

    std::map<std::string, std::string> kept;
    std::chrono::seconds lifetime{0};
};

// Answers each request with how many it has seen.
class CountingRunner final : public Runner {
public:
    explicit CountingRunner(int& runs, bool& fails) : runs_{runs}, fails_{fails} {}
    awaitable<inference::Outcome> predict(inference::Request request) override {
        ++runs_;
        if (fails_) co_return inference::Failure{inference::FailureReason::model_failed, "no", false};
        inference::Prediction out;
        out.batch_size = 4;
        if (request.raw) out.tensors.push_back({"y", values::Datatype::fp32, {1, 1}, std::string("\0\1\2\3", 4)});
        else out.result = {{"label", "seven"}, {"run", runs_}, {"queue_ms", 1.5}, {"infer_ms", 2.5}};
        out.files.push_back({"map", "image/png", std::string("\x89PNG\0", 5)});
        co_return out;
    }
    void start(inference::Request, std::function<void(inference::Outcome)>) override { ++runs_; }
    awaitable<Result<Loaded>> load(std::shared_ptr<const inference::ModelVersion>) override { co_return Loaded::yes; }
    awaitable<void> unload(std::shared_ptr<const inference::ModelVersion>) override { co_return; }

private:
    int& runs_;
    bool& fails_;
};

std::shared_ptr<inference::ModelVersion> version(std::optional<std::chrono::seconds> cache_for) {
    auto manifest = std::make_shared<values::Manifest>();
    manifest->cache_for = cache_for;
    return std::make_shared<inference::ModelVersion>(inference::ModelVersion{
        values::default_organization, "digits", "1", std::string(64, 'a'), "/nowhere", manifest, std::string(64, 'b')});
}

inference::Request request(std::shared_ptr<const inference::ModelVersion> model, std::string bytes = "seven.png") {
    inference::Request out;
    out.model = std::move(model);
    out.input.media_type = "image/png";
    out.input.bytes = std::move(bytes);
    return out;
}

struct World {
    inference::Outcome predict(inference::Request work) {
        asio::io_context context;
        auto future = asio::co_spawn(context, runner->predict(std::move(work)), asio::use_future);
        context.run();
        return future.get();
    }

    int runs = 0, hits = 0, misses = 0;
    bool fails = false;
    MapCache cache;
    async::ThreadPool pool{"files", 1, 8};
    std::unique_ptr<Runner> runner = cached_runner(std::make_unique<CountingRunner>(runs, fails), cache, pool,
                                                   [this](const auto&, bool hit, auto) { ++(hit ? hits : misses); });
};

} // namespace

TEST_CASE("an equal input is answered from the cache, with no times of its own") {
    World world;
    const auto model = version(std::chrono::seconds{60});
    const auto first = world.predict(request(model)), second = world.predict(request(model));
    REQUIRE(first.has_value());
    REQUIRE(second.has_value());
    CHECK(world.runs == 1);
    CHECK_FALSE(first->cached);
    CHECK_FALSE(first->result.contains("cached"));
    CHECK(second->cached);
    CHECK(second->result.at("cached").as_bool());
    CHECK(second->result.at("run").to_number<int>() == 1);
    CHECK(second->result.at("queue_ms").to_number<double>() == 0);
    CHECK(second->result.at("infer_ms").to_number<double>() == 0);
    CHECK(second->infer_ms == 0);
    REQUIRE(second->files.size() == 1);
    CHECK(second->files[0].bytes == first->files[0].bytes);
    CHECK(world.hits == 1);
    CHECK(world.misses == 1);
    CHECK(world.cache.lifetime == std::chrono::seconds{60});
}

TEST_CASE("a model that does not ask for it is never cached") {
    World world;
    const auto model = version(std::nullopt);
    for (int i = 0; i < 3; ++i) CHECK_FALSE(world.predict(request(model))->cached);
    CHECK(world.runs == 3);
    CHECK(world.cache.kept.empty());
    CHECK(world.hits + world.misses == 0);
}

TEST_CASE("failures are not kept") {
    World world;
    world.fails = true;
    const auto model = version(std::chrono::seconds{60});
    CHECK_FALSE(world.predict(request(model)).has_value());
    CHECK(world.cache.kept.empty());
    world.fails = false;
    CHECK_FALSE(world.predict(request(model))->cached);
}

TEST_CASE("tensors come back as they were") {
    World world;
    auto raw = [model = version(std::chrono::seconds{60})] {
        auto out = request(model);
        out.raw = true;
        return out;
    };
    const auto first = world.predict(raw()), second = world.predict(raw());
    REQUIRE(second.has_value());
    CHECK(second->cached);
    CHECK(second->result.empty());
    REQUIRE(second->tensors.size() == 1);
    CHECK(second->tensors[0].bytes == first->tensors[0].bytes);
    CHECK(second->tensors[0].shape == values::Shape{1, 1});
    CHECK(second->tensors[0].name == "y");
    CHECK(second->batch_size == 4);
}

TEST_CASE("whatever makes an answer differ makes its key differ") {
    const auto model = version(std::chrono::seconds{60});
    std::vector<inference::Request> all;
    const auto changed = [&](auto change) {
        auto copy = std::make_shared<inference::ModelVersion>(*model);
        auto out = request(model);
        change(*copy, out);
        out.model = copy;
        all.push_back(std::move(out));
    };
    changed([](auto&, auto&) {});
    changed([](auto& v, auto&) { v.organization = OrganizationId::make(); });
    changed([](auto& v, auto&) { v.name = "digit", v.version = "s1"; });
    changed([](auto& v, auto&) { v.version = "2"; });
    changed([](auto& v, auto&) { v.sha256 = std::string(64, 'c'); });
    changed([](auto& v, auto&) { v.rules_sha256 = std::string(64, 'c'); });
    changed([](auto&, auto& r) { r.raw = true; });
    changed([](auto&, auto& r) { r.input.media_type = "image/jpeg"; });
    changed([](auto&, auto& r) { r.input.bytes = "three.png"; });
    changed([](auto&, auto& r) { r.input.tensors = {{"x", values::Datatype::fp32, {1, 1}, "abcd"}}; });
    changed([](auto&, auto& r) { r.input.tensors = {{"x", values::Datatype::int32, {1, 1}, "abcd"}}; });
    changed([](auto&, auto& r) { r.input.tensors = {{"x", values::Datatype::fp32, {1}, "abcd"}}; });
    changed([](auto&, auto& r) { r.input.tensors = {{"", values::Datatype::fp32, {1, 1}, "abcd"}}; });
    changed([](auto&, auto& r) { r.input.tensors = {{"x", values::Datatype::fp32, {1, 1}, "abcde"}}; });
    std::map<std::string, int> keys;
    for (const auto& each : all) ++keys[*cache_key(each)];
    CHECK(keys.size() == all.size());
    auto other = request(model);
    other.priority = 9;
    other.alone = true;
    CHECK(*cache_key(other) == *cache_key(all[0]));
}

TEST_CASE("a blob and the same bytes in the request are one input; a file without a digest is not looked for") {
    const auto model = version(std::chrono::seconds{60});
    auto blob = request(model, "");
    blob.input.file = Descriptor{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    CHECK_FALSE(cache_key(blob).has_value());
    blob.input.file_sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; // of "abc"
    CHECK(cache_key(blob) == cache_key(request(model, "abc")));
}

TEST_CASE("a large input is digested elsewhere, to the same end") {
    World world;
    const auto model = version(std::chrono::seconds{60});
    const std::string large(1 << 20, 'x');
    CHECK_FALSE(world.predict(request(model, large))->cached);
    CHECK(world.predict(request(model, large))->cached);
    world.pool.close(); // a pool that takes nothing more
    const auto without = world.predict(request(model, large));
    REQUIRE(without.has_value());
    CHECK_FALSE(without->cached);
}

TEST_CASE("numbers come back to the last bit") {
    inference::Prediction prediction;
    prediction.result = {{"confidence", 0.9919949769973756},
                         {"top", {{{"share", 0.1 + 0.2}, {"pixels", 5}}, {{"share", 1.0}}, {{"share", -0.0}}}}};
    const auto text = write_prediction(prediction);
    const auto again = read_prediction(text);
    REQUIRE(again.has_value());
    CHECK(json::serialize(again->result) == json::serialize(prediction.result));
    CHECK(again->result.at("confidence").as_double() == 0.9919949769973756);
}

TEST_CASE("what is no prediction is none, however it was cut") {
    inference::Prediction prediction;
    prediction.result = {{"label", "x"}, {"confidence", 0.5}};
    prediction.files.push_back({"map", "image/png", "bytes"});
    const auto text = write_prediction(prediction);
    CHECK(read_prediction(text).has_value());
    for (std::size_t n = 0; n < text.size(); ++n) CHECK_FALSE(read_prediction(text.substr(0, n)).has_value());
    CHECK_FALSE(read_prediction(std::string(64, '\xff')).has_value());
}

TEST_CASE("parts of a picture are other inputs than the whole, and than other parts") {
    const auto model = version(std::chrono::seconds{60});
    auto whole = request(model), part = request(model), other = request(model);
    part.input.regions = {{0, 0, 8, 8}};
    other.input.regions = {{0, 0, 8, 9}};
    CHECK(cache_key(part) != cache_key(whole));
    CHECK(cache_key(part) != cache_key(other));
    other.input.regions = part.input.regions;
    CHECK(cache_key(part) == cache_key(other));
}
