// The files beside a model: they come with it, belong to it and go with it.
#include "unit/models/registry_world.hpp"

#include "base/encoding.hpp"
#include "values/model_signature.hpp"

#include <fstream>

using namespace millrace;
using namespace millrace::models;

namespace {

using Files = std::vector<std::pair<std::string, std::string>>; // name, content

const std::string labelled =
    R"({"format":1,"name":"moods","task":"classification","input":{"kind":"text","datatype":"INT64","shape":[4],
    "tokenizer":{"kind":"words","vocabulary":{"file":"vocab.txt"}}},"output":{"shape":[2]},"labels":{"file":"labels.txt"},
    "postprocess":{"kind":"softmax_top_k","top_k":1}})";
const Files both{{"vocab.txt", "a\nb\n"}, {"labels.txt", "glad\nsad\n"}};

struct FilesWorld : World {
    awaitable<Result<Pushed>> sending(std::string model, std::string text, Files list, Attached attached) {
        for (const auto& [name, content] : list) {
            auto upload = registry->begin_file_upload();
            auto written = co_await upload.write(std::as_bytes(std::span{content}));
            if (!written) co_return written.error();
            attached.files.push_back({name, std::move(upload)});
        }
        co_return co_await pushing("moods", std::move(model), std::move(text), std::move(attached));
    }
    Result<Pushed> send(const Files& list, const std::string& model = "one", const std::string& text = labelled,
                        Attached attached = {}) {
        return run(sending(model, text, list, std::move(attached)));
    }
    std::string refused(const Files& list, const std::string& text = labelled) {
        const auto pushed = send(list, "one", text);
        REQUIRE_FALSE(pushed.has_value());
        CHECK(pushed.error().code == Code::unprocessable);
        CHECK(stored_files() == 0);
        CHECK(trial.runs == 0);
        return pushed.error().detail;
    }
};

} // namespace

TEST_CASE("a version has the files that its manifest names, after a restart, too") {
    FilesWorld world;
    const auto pushed = world.send(both);
    REQUIRE_MESSAGE(pushed.has_value(), (pushed ? "" : pushed.error().detail));
    for (int round = 0; round < 2; ++round) {
        const auto version = *world.registry->resolve(world.org, "moods");
        REQUIRE(version->files.size() == 2);
        CHECK(version->files[0].ref.name == "labels.txt");
        CHECK(version->files[1].ref.name == "vocab.txt");
        CHECK(version->files[1].ref.size == 4);
        CHECK(std::filesystem::exists(version->files[1].path));
        CHECK(version->manifest->labels == std::vector<std::string>{"glad", "sad"});
        CHECK(version->manifest->inputs.front().text.vocabulary_file == "vocab.txt");
        world.open();
    }
    const auto model = *world.registry->find(world.org, "moods");
    const auto shown = to_json(model->versions.front(), true);
    CHECK(shown.at("files").at(0).at("name").as_string() == "labels.txt");
    CHECK(shown.at("labels").as_array().size() == 2);
    CHECK(*world.run(world.registry->manifest_file(world.org, "moods", 1)) == labelled); // byte for byte
}

TEST_CASE("a file that is named and missing, or there and not named, or there twice is refused") {
    FilesWorld world;
    CHECK(world.refused({both[0]}).find("names the file \"labels.txt\", which did not come") != std::string::npos);
    CHECK(world.refused({}).find("--file labels.txt") != std::string::npos);
    CHECK(world.refused({both[0], both[1], {"more.txt", "x"}}).find("\"more.txt\" came with the model, but") !=
          std::string::npos);
    CHECK(world.refused({both[0], both[1], both[0]}).find("came twice") != std::string::npos);
    CHECK(world.refused({both[0], {"labels.txt", "glad\n\nsad"}}).find("labels.txt: line 2 is empty") !=
          std::string::npos);
    CHECK(world.refused({both[0], {"labels.txt", "glad"}}).find("shape [1]") !=
          std::string::npos); // the labels count as inline ones
    CHECK(world.refused({both[0]}, R"({"labels":{"file":"../labels"}})").find("cannot be the name") !=
          std::string::npos);
}

TEST_CASE("another file makes another version, and an equal push is the version that exists") {
    FilesWorld world;
    REQUIRE(world.send(both).has_value());
    const auto again = world.send({both[1], both[0]});
    REQUIRE(again.has_value());
    CHECK_FALSE(again->created);
    const auto first = *world.registry->resolve(world.org, "moods", "1");
    const auto other = world.send({{"vocab.txt", "b\na\n"}, both[1]});
    REQUIRE(other.has_value());
    CHECK(other->version.number == 2);
    const auto second = *world.registry->resolve(world.org, "moods", "2");
    CHECK(first->sha256 == second->sha256);
    CHECK(first->rules_sha256 != second->rules_sha256); // so that neither is answered from the other's cache
    CHECK(world.stored_files() == 4);
}

TEST_CASE("files go with the last version that has them") {
    FilesWorld world;
    REQUIRE(world.send(both).has_value());
    REQUIRE(world.send({{"vocab.txt", "b\na\n"}, both[1]}).has_value());
    REQUIRE(world.run(world.registry->remove(world.admin, "moods", "2")).has_value());
    CHECK(world.stored_files() == 3);
    REQUIRE(world.run(world.registry->remove(world.admin, "moods", "1")).has_value());
    CHECK(world.stored_files() == 0);
}

TEST_CASE("a version whose file is gone cannot be used, and is healed by pushing it again") {
    FilesWorld world;
    REQUIRE(world.send(both).has_value());
    std::filesystem::remove((*world.registry->resolve(world.org, "moods"))->files[1].path);
    world.open();
    CHECK(world.resolve_error("moods") == Code::unavailable);
    CHECK((*world.registry->find(world.org, "moods"))->versions.front().reason == "its file \"vocab.txt\" is missing");
    REQUIRE(world.send(both).has_value());
    CHECK(world.registry->resolve(world.org, "moods").has_value());
}

TEST_CASE("a signature covers the files") {
    FilesWorld world;
    const auto key = SigningKey::make();
    std::ofstream{world.data / "trusted.pem"} << key.verifying().pem();
    world.trusted = *TrustedKeys::read(world.data / "trusted.pem", true);
    world.open();
    const auto digest = [](const std::string& bytes) {
        const auto d = sha256(bytes);
        return hex(d);
    };
    const auto text = "millrace-model-2\n" + digest("one") + "\n" + digest(labelled) + "\n" + digest(both[1].second) +
                      "  labels.txt\n" + digest(both[0].second) + "  vocab.txt\n";
    const Attached attached{.signature = base64(key.sign(text)), .sha256 = {}, .files = {}};
    const Attached without{
        .signature = base64(key.sign(values::signed_text(digest("one"), digest(labelled)))), .sha256 = {}, .files = {}};
    CHECK_FALSE(world.send(both, "one", labelled, without).has_value());
    CHECK_FALSE(world.send({{"vocab.txt", "b\na\n"}, both[1]}, "one", labelled, attached).has_value());
    CHECK(world.trial.looks == 0);
    CHECK(world.stored_files() == 0);
    REQUIRE(world.send(both, "one", labelled, attached).has_value());
    world.open();
    CHECK(world.registry->resolve(world.org, "moods").has_value());
}
