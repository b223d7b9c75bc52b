// Chains on an engine that says what the test wants to hear.
#include "models/chain_runner.hpp"

#include "models/chains/chain_crops.hpp"
#include "values/principal.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <doctest/doctest.h>

#include <fmt/format.h>

#include <map>

using namespace millrace;
using namespace millrace::models;
using inference::Failure;
using inference::FailureReason;
using inference::Outcome;
using inference::Request;

namespace {

using VersionPtr = std::shared_ptr<const inference::ModelVersion>;

struct Asked {
    std::string model;
    std::string bytes;
    bool file = false, raw = false;
    int priority = 0;
    Monotonic deadline;
    std::vector<inference::Region> regions;
    std::vector<inference::Tensor> tensors;
};

// Answers by the model's name, and remembers what it was asked.
struct FakeEngine {
    std::vector<Asked> asked;
    std::map<std::string, Outcome> answers;
    std::vector<std::string> loads;
};

class FakeRunner final : public Runner {
public:
    explicit FakeRunner(FakeEngine& engine) : engine_{engine} {}
    awaitable<Outcome> predict(Request request) override { co_return answer(request); }
    void start(Request request, std::function<void(Outcome)> done) override { done(answer(request)); }
    awaitable<Result<Loaded>> load(VersionPtr version) override {
        engine_.loads.push_back(version->name);
        co_return Loaded::yes;
    }
    awaitable<void> unload(VersionPtr) override { co_return; }

private:
    Outcome answer(const Request& request) {
        const auto& input = request.input;
        engine_.asked.push_back({request.model->name, input.bytes, static_cast<bool>(input.file), request.raw,
                                 request.priority, request.deadline, input.regions, input.tensors});
        auto said = engine_.answers.at(request.model->name);
        if (!said) return said;
        if (const auto rows = input.regions.size(); rows > 1) { // as the engine answers several rows
            json::array list;
            for (std::size_t i = 0; i < rows; ++i)
                list.push_back(json::object{{"label", fmt::format("at {}", input.regions[i].x)}});
            said->result = {{"rows", std::move(list)}, {"model", request.model->name}};
        }
        return said;
    }
    FakeEngine& engine_;
};

inference::Prediction prediction(json::object result, double queue_ms = 1, double infer_ms = 2) {
    inference::Prediction out;
    out.result = std::move(result);
    out.queue_ms = queue_ms;
    out.infer_ms = infer_ms;
    out.batch_size = 4;
    return out;
}

inference::Prediction tensors(const std::string& name, const std::string& bytes) {
    auto out = prediction({});
    out.tensors.push_back({name, values::Datatype::fp32, {1, 1}, bytes});
    return out;
}

const char* kinds =
    R"({"format":1,"name":"kinds","task":"classification","input":{"kind":"image","color":"gray","shape":%SHAPE%},
    "output":{"shape":[2]},"labels":["c","d"],"postprocess":{"kind":"softmax_top_k"},"batching":{"max_batch":%BATCH%}})";

VersionPtr version(const std::string& name, const std::string& manifest) {
    auto read = values::Manifest::parse(manifest);
    REQUIRE_MESSAGE(read.has_value(), (read ? "" : read.error().detail));
    return std::make_shared<inference::ModelVersion>(
        inference::ModelVersion{values::default_organization, name, "1", std::string(64, 'a'), "/nowhere",
                                std::make_shared<values::Manifest>(std::move(*read))});
}

struct World {
    Outcome predict(VersionPtr chain, inference::Input input, bool raw = false) {
        Request request;
        request.model = std::move(chain);
        request.input = std::move(input);
        request.priority = 7;
        request.deadline = Monotonic{} + std::chrono::hours{1};
        request.raw = raw;
        return run(runner->predict(std::move(request)));
    }
    template <class T>
    T run(awaitable<T> work) {
        auto future = asio::co_spawn(context, std::move(work), asio::use_future);
        context.restart();
        context.run();
        return future.get();
    }
    Outcome predict(VersionPtr chain, std::string bytes = "picture") {
        inference::Input input;
        input.bytes = std::move(bytes);
        return predict(std::move(chain), std::move(input));
    }
    // A classifier that takes so many crops at once.
    void take_kinds(int max_batch, bool open = false) {
        std::string text = kinds;
        text.replace(text.find("%SHAPE%"), 7, open ? R"([1,-1,-1],"sides":[1,64])" : "[1,8,8]");
        text.replace(text.find("%BATCH%"), 7, std::to_string(max_batch));
        versions["kinds"] = version("kinds", text);
    }

    asio::io_context context;
    FakeEngine engine;
    std::map<std::string, VersionPtr> versions;
    std::unique_ptr<Runner> runner = chain_runner(
        std::make_unique<FakeRunner>(engine),
        [this](OrganizationId, const values::Step& step) -> Result<VersionPtr> {
            const auto at = versions.find(step.model);
            if (at == versions.end()) return Error{Code::unavailable, values::title(step) + ": its file is missing"};
            return at->second;
        },
        context.get_executor());
};

const std::string tensor_model =
    R"({"format":1,"name":"t","task":"tensor","input":{"name":"x","kind":"tensor","shape":[1]},"output":{"name":"y","shape":[1]}})";

// encode -> head
struct Handing : World {
    Handing() {
        versions["encoder"] = version("encoder", tensor_model);
        versions["head"] = version("head", tensor_model);
        engine.answers.emplace("encoder", tensors("y", "abcd"));
        engine.answers.emplace(
            "head", prediction({{"label", "calm"}, {"model", "head"}, {"model_version", "1"}, {"queue_ms", 1}}, 3, 4));
    }
    VersionPtr chain =
        version("tone",
                R"({"format":1,"name":"tone","task":"chain","steps":[{"name":"encode","model":"encoder","version":1},
        {"name":"head","model":"head","version":1,"inputs":{"x":"encode.y"}}]})");
};

json::array boxes(std::initializer_list<std::array<double, 4>> list) {
    json::array objects;
    for (const auto& b : list)
        objects.push_back({{"label", "ship"}, {"confidence", 0.9}, {"box", json::array{b[0], b[1], b[2], b[3]}}});
    return objects;
}

// find -> kind
struct Cropping : World {
    explicit Cropping(json::array objects) {
        versions["finder"] = version("finder", tensor_model); // what it is was checked at the push
        take_kinds(8);
        engine.answers.emplace(
            "finder",
            prediction({{"objects", std::move(objects)}, {"width", 100}, {"height", 50}, {"model", "finder"}}));
        engine.answers.emplace(
            "kinds", prediction({{"label", "tug"}, {"top", json::array{}}, {"model", "kinds"}, {"queue_ms", 1}}, 5, 6));
    }
    VersionPtr chain =
        version("ships",
                R"({"format":1,"name":"ships","task":"chain","steps":[{"name":"find","model":"finder","version":1},
        {"name":"kind","model":"kinds","version":1,"crop":{"of":"find","most":3,"margin":0.5}}]})");
};

std::string text(const json::value& value) { return json::serialize(value); }

} // namespace

TEST_CASE("the outputs of a step are the inputs of the next, and the last one answers") {
    Handing world;
    const auto outcome = world.predict(world.chain, "a text");
    REQUIRE_MESSAGE(outcome.has_value(), (outcome ? "" : outcome.error().message));
    REQUIRE(world.engine.asked.size() == 2);
    const auto &first = world.engine.asked[0], &second = world.engine.asked[1];
    CHECK(first.bytes == "a text");
    CHECK(first.raw);
    CHECK_FALSE(second.raw);
    REQUIRE(second.tensors.size() == 1);
    CHECK(second.tensors[0].bytes == "abcd");
    CHECK(second.priority == 7);
    CHECK(second.deadline == first.deadline);
    CHECK(
        text(outcome->result) ==
        R"({"label":"calm","steps":[{"name":"encode","model":"encoder","model_version":"1","batch_size":4,"queue_ms":1E0,"infer_ms":2E0},)"
        R"({"name":"head","model":"head","model_version":"1","batch_size":4,"queue_ms":3E0,"infer_ms":4E0}],)"
        R"("model":"tone","model_version":"1","batch_size":4,"queue_ms":4E0,"infer_ms":6E0})");
    CHECK(outcome->infer_ms == 6);
    inference::Input input;
    input.bytes = "a text";
    CHECK(world.predict(world.chain, std::move(input), true).has_value());
    CHECK(world.engine.asked.back().raw);
}

TEST_CASE("a failure keeps its reason and gets the name of its step, and nothing comes after it") {
    Handing world;
    world.engine.answers.at("encoder") = Failure{FailureReason::quarantined, "it keeps ending workers", true, false, 9};
    const auto outcome = world.predict(world.chain);
    REQUIRE(!outcome);
    CHECK(outcome.error().message == "step \"encode\" (encoder/1): it keeps ending workers");
    CHECK(outcome.error().reason == FailureReason::quarantined);
    CHECK(outcome.error().retry_after_seconds == 9);
    CHECK(outcome.error().killed_worker);
    CHECK(world.engine.asked.size() == 1);
    world.versions.erase("head");
    const auto missing = world.predict(world.chain);
    REQUIRE(!missing);
    CHECK(missing.error().reason == FailureReason::unavailable);
    CHECK(missing.error().message == "step \"head\" (head/1): its file is missing");
}

TEST_CASE("crops go to the engine together, and each answer stands beside its box") {
    Cropping world{boxes({{10.5, 10.2, 20, 10}, {90.2, 0, 20, 4}, {200, 0, 5, 5}, {0, 0, 2, 2}, {30, 30, 2, 2}})};
    const auto outcome = world.predict(world.chain);
    REQUIRE_MESSAGE(outcome.has_value(), (outcome ? "" : outcome.error().message));
    REQUIRE(world.engine.asked.size() == 2);
    const auto& crops = world.engine.asked[1];
    CHECK(crops.bytes == "picture");
    // With half of the box on each side, as whole pixels, within the picture; nothing of the third box lies within it.
    CHECK(crops.regions == std::vector<inference::Region>{{0, 5, 41, 21}, {80, 0, 20, 6}, {0, 0, 3, 3}});
    const auto& objects = outcome->result.at("objects").as_array();
    REQUIRE(objects.size() == 5);
    CHECK(text(objects[0].at("kind")) == R"({"label":"at 0"})");
    CHECK(text(objects[1].at("kind")) == R"({"label":"at 80"})");
    CHECK_FALSE(objects[2].as_object().contains("kind"));
    CHECK(text(objects[3].at("kind")) == R"({"label":"at 0"})");
    CHECK_FALSE(objects[4].as_object().contains("kind")); // more than `most`
    CHECK(
        text(outcome->result.at("steps").as_array()[1]) ==
        R"({"name":"kind","model":"kinds","model_version":"1","crops":3,"batch_size":4,"queue_ms":5E0,"infer_ms":6E0})");
    CHECK(outcome->result.at("model") == "ships");
    CHECK(outcome->result.at("width") == 100);
}

TEST_CASE("no box is no prediction, and one box has the answer of one") {
    Cropping none{boxes({})};
    const auto empty = none.predict(none.chain);
    REQUIRE(empty.has_value());
    CHECK(empty->result.at("objects").as_array().empty());
    CHECK(none.engine.asked.size() == 1);
    Cropping one{boxes({{10, 10, 10, 10}})};
    const auto outcome = one.predict(one.chain);
    REQUIRE(outcome.has_value());
    CHECK(text(outcome->result.at("objects").as_array()[0].at("kind")) == R"({"label":"tug","top":[]})");
}

TEST_CASE("more crops than a pass takes share one copy of the picture") {
    Cropping world{boxes({{10, 10, 10, 10}, {20, 10, 10, 10}, {40, 10, 10, 10}})};
    SUBCASE("because the model takes two at once") { world.take_kinds(2); }
    SUBCASE("because each has a size of its own") { world.take_kinds(8, true); }
    const auto open = world.versions.at("kinds")->manifest->inputs.front().image.open();
    const auto outcome = world.predict(world.chain);
    REQUIRE_MESSAGE(outcome.has_value(), (outcome ? "" : outcome.error().message));
    REQUIRE(world.engine.asked.size() == (open ? 4 : 3));
    CHECK(world.engine.asked[1].file);
    CHECK(world.engine.asked[2].file);
    CHECK(world.engine.asked[1].regions.size() == (open ? 1 : 2));
    for (const auto& object : outcome->result.at("objects").as_array()) CHECK(object.as_object().contains("kind"));
    world.engine.answers.at("kinds") = Failure{FailureReason::timed_out, "too late", false};
    const auto failed = world.predict(world.chain);
    REQUIRE(!failed);
    CHECK(failed.error().message == "step \"kind\" (kinds/1): too late");
    CHECK(failed.error().reason == FailureReason::timed_out);
}

TEST_CASE("what cannot be cropped is the caller's to mend") {
    Cropping world{boxes({{1, 1, 1, 1}})};
    inference::Input input;
    input.bytes = "picture";
    const auto raw = world.predict(world.chain, std::move(input), true);
    REQUIRE(!raw);
    CHECK(raw.error().reason == FailureReason::bad_input);
    for (const char* result : {R"({"rows":[{"objects":[]}]})", R"({"objects":[]})"}) {
        world.engine.answers.at("finder") = prediction(json::parse(result).as_object());
        const auto refused = world.predict(world.chain);
        REQUIRE(!refused);
        CHECK(refused.error().reason == FailureReason::bad_input);
        CHECK(refused.error().message.starts_with("step \"kind\" (kinds/1): "));
    }
}

TEST_CASE("tensors of several crops are told one by one") {
    const auto result =
        json::parse(R"({"outputs":[{"name":"y","datatype":"FP32","shape":[2,3],"data":[1,2,3,4,5,6]}],"model":"m"})")
            .as_object();
    const auto answers = answers_of(result, 2);
    REQUIRE(answers.has_value());
    REQUIRE(answers->size() == 2);
    CHECK(text((*answers)[1]) == R"({"outputs":[{"name":"y","datatype":"FP32","shape":[3],"data":[4,5,6]}]})");
    CHECK(!answers_of(json::parse(R"({"rows":[{}]})").as_object(), 2));
}

TEST_CASE("a chain that nobody waits for runs in the background, and loading it loads its steps") {
    Handing world;
    Request request;
    request.model = world.chain;
    std::optional<Outcome> said;
    world.runner->start(std::move(request), [&](Outcome outcome) { said = std::move(outcome); });
    world.context.run();
    REQUIRE(said.has_value());
    CHECK((*said)->result.at("label") == "calm");
    CHECK(world.run(world.runner->load(world.chain)).has_value());
    CHECK(world.engine.loads == std::vector<std::string>{"encoder", "head"});
}
