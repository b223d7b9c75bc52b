// Chains in the registry: pinned, checked, kept, and what they keep from being deleted.
#include "unit/models/registry_world.hpp"

using namespace millrace;
using namespace millrace::models;

namespace {

const std::string unpinned =
    R"({"format":1,"name":"chain","task":"chain","steps":[{"name":"one","model":"first"},{"name":"two","model":"second","inputs":{"x":"one.y"}}]})";

// "first" gives what "second" takes.
struct Chains : World {
    Chains() {
        for (const char* bytes : {"one", "another"})
            REQUIRE(run(pushing("first", bytes, model("first", 4, 2))).has_value());
        REQUIRE(run(pushing("second", "two", model("second", 2, 1))).has_value());
    }
    static std::string model(const std::string& name, int in, int out) {
        return R"({"format":1,"name":")" + name + R"(","task":"tensor","input":{"name":"x","kind":"tensor","shape":[)" +
               std::to_string(in) + R"(]},"output":{"name":"y","shape":[)" + std::to_string(out) + "]}}";
    }
    Result<Pushed> push_chain(std::string text) {
        return run(registry->push(admin, "chain", std::nullopt, std::move(text)));
    }
    std::string why_not(std::string text, Code code = Code::unprocessable) {
        const auto refused = push_chain(std::move(text));
        REQUIRE(!refused);
        CHECK(refused.error().code == code);
        return refused.error().detail;
    }
    Result<void> remove(const std::string& name, const std::string& version) {
        return run(registry->remove(admin, name, version));
    }
};

} // namespace

TEST_CASE("a chain is pinned to the versions in production, warmed, and the same one is one version") {
    Chains world;
    const auto pushed = world.push_chain(unpinned);
    REQUIRE_MESSAGE(pushed.has_value(), (pushed ? "" : pushed.error().detail));
    CHECK(pushed->created);
    CHECK(pushed->version.format == inference::ArchiveKind::chain);
    CHECK(pushed->version.size == 0);
    CHECK(pushed->version.manifest->steps[0].version == 1);
    CHECK(pushed->version.manifest->inputs.front().tensor.shape == values::Shape{4});
    CHECK(pushed->version.manifest->outputs.front().shape == values::Shape{1});
    CHECK(world.trial.warmed == std::vector<std::string>{"first/1", "second/1"});
    CHECK(world.trial.runs == 3); // of the models that have files
    const auto again = world.push_chain(unpinned);
    REQUIRE(again.has_value());
    CHECK_FALSE(again->created);
    CHECK(again->version.number == 1);
    auto traffic = (*world.registry->find(world.org, "first"))->traffic;
    traffic.production = 2;
    world.registry->set_traffic(world.org, "first", traffic);
    const auto later = world.push_chain(unpinned); // names another version now
    REQUIRE(later.has_value());
    CHECK(later->version.number == 2);
    CHECK(later->version.sha256 != pushed->version.sha256);
    CHECK(later->version.manifest->steps[0].version == 2);
}

TEST_CASE("a chain is there after a restart, and says which of its steps are not") {
    Chains world;
    REQUIRE(world.push_chain(unpinned).has_value());
    world.open();
    const auto chain = world.registry->resolve(world.org, "chain");
    REQUIRE(chain.has_value());
    CHECK((*chain)->manifest->inputs.front().tensor.shape == values::Shape{4});
    const auto parts = world.registry->parts(*chain);
    REQUIRE(parts.has_value());
    CHECK(parts->size() == 2);
    CHECK(world.registry->parts(parts->front())->size() == 1);
    std::filesystem::remove(parts->back()->file);
    world.open();
    const auto broken = world.registry->parts(*world.registry->resolve(world.org, "chain"));
    REQUIRE(!broken);
    CHECK(broken.error().code == Code::unavailable);
    CHECK(broken.error().detail.starts_with("step \"two\" (second/1): "));
}

TEST_CASE("what a chain cannot be made of is refused with the step") {
    Chains world;
    const auto step = [](const std::string& model, const std::string& more = "") {
        return R"({"format":1,"name":"chain","task":"chain","steps":[{"name":"one","model":")" + model + "\"" + more +
               "}]}";
    };
    CHECK(world.why_not(step("nobody")) == "manifest: step \"one\" (nobody): there is no model \"nobody\"");
    CHECK(world.why_not(step("first", R"(,"version":9)")).find("step \"one\" (first/9): there is no version") !=
          std::string::npos);
    std::string turned = unpinned;
    turned.replace(turned.find("second"), 6, "first");
    CHECK(world.why_not(turned).find("takes FP32 [4]") != std::string::npos);
    REQUIRE(world.push_chain(step("first")).has_value());
    CHECK(world.why_not(step("chain")).find("it is a chain itself") != std::string::npos);
    const auto with_file = world.run(world.pushing("chain", "bytes", unpinned));
    REQUIRE(!with_file);
    CHECK(with_file.error().detail.find("no model file of its own") != std::string::npos);
    const auto without =
        world.run(world.registry->push(world.admin, "first", std::nullopt, Chains::model("first", 4, 2)));
    REQUIRE(!without);
    CHECK(without.error().detail.find("the model file is missing") != std::string::npos);
    world.trial.warmth = Error{Code::unavailable, "there is no room"};
    CHECK(world.why_not(unpinned, Code::unavailable) == "step \"one\" (first/1): there is no room");
}

TEST_CASE("a version that a chain names is not deleted before the chain") {
    Chains world;
    REQUIRE(world.push_chain(unpinned).has_value());
    REQUIRE(world.remove("first", "2").has_value()); // it names another
    const auto refused = world.remove("first", "1");
    REQUIRE(!refused);
    CHECK(refused.error().code == Code::conflict);
    CHECK(refused.error().detail == "version 1 of \"first\" is a step of the chain chain/1; delete that first");
    CHECK(world.registry->resolve(world.org, "first").has_value());
    REQUIRE(world.remove("chain", "1").has_value());
    CHECK(world.trial.forgotten == std::vector<std::string>{"first/2"});
    CHECK(world.remove("first", "1").has_value());
}
