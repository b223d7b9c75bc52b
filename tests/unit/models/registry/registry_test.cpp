#include "unit/models/registry_world.hpp"

#include "base/encoding.hpp"

#include <thread>

using namespace millrace;
using namespace millrace::models;

TEST_CASE("the first version becomes the production version, and later ones do not") {
    World world;
    CHECK(world.resolve_error("digits") == Code::not_found);
    const auto first = world.push("digits", "one");
    REQUIRE(first.has_value());
    CHECK(first->created);
    CHECK(first->version.number == 1);
    const auto second = world.push("digits", "two");
    REQUIRE(second.has_value());
    CHECK(second->version.number == 2);
    for (int round = 0; round < 2; ++round) {
        const auto production = world.registry->resolve(world.org, "digits");
        REQUIRE(production.has_value());
        CHECK((*production)->version == "1");
        CHECK((*production)->sha256 == first->version.sha256);
        CHECK(std::filesystem::exists((*production)->file));
        CHECK((*world.registry->resolve(world.org, "digits", "2"))->sha256 == second->version.sha256);
        CHECK(world.resolve_error("digits", "3") == Code::not_found);
        CHECK(world.resolve_error("digits", "two") == Code::not_found);
        world.open(); // and the same after a restart
    }
}

TEST_CASE("the same file with the same manifest is the version that exists") {
    World world;
    REQUIRE(world.push("digits", "one").has_value());
    const auto again = world.push("digits", "one");
    REQUIRE(again.has_value());
    CHECK_FALSE(again->created);
    CHECK(again->version.number == 1);
    const auto described = world.run(world.pushing("digits", "one", manifest("digits", "described better")));
    REQUIRE(described.has_value());
    CHECK(described->created);
    CHECK(described->version.number == 2);
    CHECK(world.stored_files() == 1);
}

TEST_CASE("a file that is no model is refused and not kept") {
    World world;
    world.trial.archive = Error{Code::unprocessable, "no archive"};
    CHECK(world.push("digits", "junk").error().code == Code::unprocessable);
    CHECK(world.trial.runs == 0); // nothing of it was run
    CHECK(world.stored_files() == 0);
    CHECK(world.registry->list(world.org).empty());
}

TEST_CASE("what a killed push left is removed at the next start, unless the store knows of no version at all") {
    World world;
    const auto leave = [&] { return world.run(world.files->put_async("of a push that was killed")).has_value(); };
    REQUIRE(leave());
    world.open();
    CHECK(world.stored_files() == 1); // it may be the wrong database
    REQUIRE(world.push("digits", "one").has_value());
    world.open();
    CHECK(world.stored_files() == 1);
    CHECK(world.files->open_blob(hex(sha256("one")))->has_value());
}

TEST_CASE("a model that disagrees with its manifest is refused with the reason and not kept") {
    World world;
    world.trial.outcome = Error{Code::unprocessable, "the output has 3 values, the manifest says 2"};
    const auto refused = world.push("digits", "one");
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().detail.find("the manifest says 2") != std::string::npos);
    CHECK(world.stored_files() == 0);
}

TEST_CASE("a refused push takes no file away from a version that uses it") {
    World world;
    REQUIRE(world.push("digits", "one").has_value());
    world.trial.outcome = Error{Code::unprocessable, "no"};
    CHECK_FALSE(world.push("numbers", "one").has_value());
    CHECK(world.stored_files() == 1);
}

TEST_CASE("a machine without a runtime keeps the model untried") {
    World world;
    world.trial.outcome = std::optional<TrialReport>{};
    const auto pushed = world.push("digits", "one");
    REQUIRE(pushed.has_value());
    CHECK_FALSE(pushed->version.trial.has_value());
    world.trial.outcome = std::optional{TrialReport{.runtime = "libtorch 9"}}; // pushed again where there is one
    REQUIRE(world.push("digits", "one")->version.trial.has_value());
    world.open();
    CHECK((*world.registry->find(world.org, "digits"))->versions.front().trial->runtime == "libtorch 9");
}

TEST_CASE("a wrong name or manifest is refused") {
    World world;
    CHECK(world.push("Digits", "one").error().code == Code::unprocessable);
    CHECK(world.push("a/../b", "one").error().code == Code::unprocessable);
    const auto other = world.run(world.pushing("digits", "one", manifest("letters")));
    REQUIRE_FALSE(other.has_value());
    CHECK(other.error().detail.find("letters") != std::string::npos);
    CHECK(world.run(world.pushing("digits", "one", "{")).error().code == Code::invalid_argument);
    CHECK(world.run(world.pushing("digits", "one", "{}")).error().code == Code::unprocessable);
    CHECK(world.stored_files() == 0);
}

TEST_CASE("the production version goes last, and a number is never given twice") {
    World world;
    REQUIRE(world.push("digits", "one").has_value());
    REQUIRE(world.push("digits", "two").has_value());
    const auto remove = [&](const char* version) {
        return world.run(world.registry->remove(world.admin, "digits", version));
    };
    CHECK(remove("1").error().code == Code::conflict);
    CHECK(remove("3").error().code == Code::not_found);
    CHECK(remove("2").has_value());
    CHECK(world.trial.forgotten == std::vector<std::string>{"digits/2"});
    CHECK(world.stored_files() == 1);
    CHECK(remove("1").has_value());
    CHECK(world.stored_files() == 0);
    CHECK(world.resolve_error("digits") == Code::not_found);
    world.open();
    CHECK(world.registry->list(world.org).empty());
    const auto next = world.push("digits", "three");
    REQUIRE(next.has_value());
    CHECK(next->version.number == 3);
    CHECK((*world.registry->resolve(world.org, "digits"))->version == "3");
}

TEST_CASE("a version whose file is lost is shown as failed, and pushing it again heals it") {
    World world;
    const auto pushed = world.push("digits", "one");
    REQUIRE(pushed.has_value());
    std::filesystem::remove(world.files->path_of(pushed->version.sha256));
    world.open();
    CHECK(world.resolve_error("digits") == Code::unavailable);
    const auto shown = world.registry->find(world.org, "digits");
    REQUIRE(shown.has_value());
    CHECK(to_json(**shown, true).at("versions").at(0).at("state").as_string() == "failed");
    REQUIRE(world.push("digits", "one").has_value());
    CHECK(world.registry->resolve(world.org, "digits").has_value());
}

TEST_CASE("models of another organisation are not found") {
    World world;
    REQUIRE(world.push("digits", "one").has_value());
    const OrganizationId other = OrganizationId::make();
    CHECK(world.registry->list(other).empty());
    CHECK(world.registry->find(other, "digits").error().code == Code::not_found);
    CHECK(world.registry->resolve(other, "digits").error().code == Code::not_found);
}

TEST_CASE("a shown model tells what the API promises") {
    World world;
    REQUIRE(world.push("digits", "one").has_value());
    const auto shown = to_json(**world.registry->find(world.org, "digits"), true);
    CHECK(shown.at("name").as_string() == "digits");
    CHECK(shown.at("production").as_string() == "1");
    const auto& version = shown.at("versions").at(0);
    CHECK(version.at("version").as_string() == "1");
    CHECK(version.at("state").as_string() == "ready");
    CHECK(version.at("size").to_number<int>() == 3);
    CHECK(version.at("sha256").as_string().size() == 64);
    CHECK(version.at("task").as_string() == "tensor");
    CHECK(version.at("description").as_string() == "for a test");
    CHECK(version.at("input").is_object());
    CHECK(version.at("manifest").at("format").to_number<int>() == 1);
}

TEST_CASE("what the trial found out is kept with the version") {
    World world;
    REQUIRE(world.push("digits", "one").has_value());
    for (int round = 0; round < 2; ++round) {
        const auto shown = to_json(**world.registry->find(world.org, "digits"), true).at("versions").at(0);
        CHECK(shown.at("format").as_string() == "torchscript");
        const auto& trial = shown.at("trial");
        CHECK(trial.at("runtime").as_string() == "libtorch 0");
        CHECK(trial.at("load_ms").to_number<double>() == 12.5);
        CHECK(trial.at("forward_ms").to_number<double>() == 0.25);
        CHECK(trial.at("memory_bytes").to_number<int>() == 4096);
        CHECK(trial.at("optimization").as_string() == "frozen");
        CHECK(trial.at("note").as_string() == "it would differ");
        world.open(); // and the same after a restart
    }
}

TEST_CASE("an AOTInductor package is shown as one") {
    World world;
    world.trial.archive = inference::ArchiveKind::aotinductor;
    REQUIRE(world.push("digits", "one").has_value());
    world.open();
    CHECK((*world.registry->find(world.org, "digits"))->versions.front().format == inference::ArchiveKind::aotinductor);
}

TEST_CASE("both files come out as they were pushed") {
    World world;
    const auto text = "  " + manifest("digits") + "\n\n";
    const auto pushed = world.run(world.pushing("digits", "one", text));
    REQUIRE(pushed.has_value());
    CHECK(*world.run(world.registry->manifest_file(world.org, "digits", 1)) == text);
    CHECK(world.run(world.registry->manifest_file(world.org, "digits", 2)).error().code == Code::not_found);
    CHECK(world.run(world.registry->manifest_file(OrganizationId::make(), "digits", 1)).error().code ==
          Code::not_found);
    const auto file = world.run(world.registry->open_file(pushed->version.sha256, pushed->version.size));
    REQUIRE(file.has_value());
    char bytes[8] = {};
    CHECK(::read(file->file.get(), bytes, sizeof bytes) == 3);
    CHECK(std::string{bytes} == "one");
}

TEST_CASE("a file that is not the one its sender has is refused and not kept") {
    World world;
    Attached attached;
    attached.sha256 = std::string(64, '0');
    const auto refused = world.run(world.pushing("digits", "one", manifest("digits"), attached));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::unprocessable);
    CHECK(world.trial.looks == 0);
    // Removed by the files thread that has just answered.
    for (int look = 0; world.stored_files() > 0 && look < 5000; ++look)
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    CHECK(world.stored_files() == 0);
}

TEST_CASE("a version that is being loaded is not deleted") {
    World world;
    const auto pushed = world.push("digits", "one");
    REQUIRE(pushed.has_value());
    world.trial.being_loaded = pushed->version.sha256;
    const auto refused = world.run(world.registry->remove(world.admin, "digits", "1"));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::conflict);
    CHECK(refused.error().detail.find("being loaded") != std::string::npos);
    world.trial.being_loaded.clear();
    CHECK(world.run(world.registry->remove(world.admin, "digits", "1")).has_value());
}
