#include "unit/models/registry_world.hpp"

#include "base/encoding.hpp"
#include "values/model_signature.hpp"

#include <fstream>

using namespace millrace;
using namespace millrace::models;

namespace {

// A world that trusts one key.
struct SignedWorld : World {
    SignedWorld() { trust(true); }
    void trust(bool required) {
        std::ofstream{data / "trusted.pem"} << key.verifying().pem();
        auto read = TrustedKeys::read(data / "trusted.pem", required);
        REQUIRE(read.has_value());
        trusted = std::move(*read);
        open();
    }
    Attached signature(const SigningKey& by, const std::string& model, const std::string& text) const {
        const auto digest = [](const std::string& bytes) {
            const auto d = sha256(bytes);
            return hex(d);
        };
        return {.signature = base64(by.sign(values::signed_text(digest(model), digest(text)))), .sha256 = {}};
    }
    Result<Pushed> push_signed(const SigningKey& by, const std::string& model, const std::string& text) {
        return run(pushing("digits", model, text, signature(by, model, text)));
    }
    const Version& first() { return (kept = *registry->find(org, "digits"))->versions.front(); }

    SigningKey key = SigningKey::make();
    std::shared_ptr<const Model> kept;
};

} // namespace

TEST_CASE("a signed model is kept with its signer and signature") {
    SignedWorld world;
    const auto text = manifest("digits");
    REQUIRE(world.push_signed(world.key, "one", text).has_value());
    for (int round = 0; round < 2; ++round) {
        CHECK(world.first().signer == world.key.verifying().id());
        CHECK(world.first().signature == world.signature(world.key, "one", text).signature);
        CHECK(world.first().ready());
        CHECK(to_json(world.first(), false).at("signed_by").as_string() == world.key.verifying().id());
        world.open();
    }
}

TEST_CASE("what is not signed as it must be is refused before anything looks into the file") {
    SignedWorld world;
    const auto text = manifest("digits");
    const auto refused = [&](std::string model, std::string manifest_text, Attached attached) {
        const auto pushed =
            world.run(world.pushing("digits", std::move(model), std::move(manifest_text), std::move(attached)));
        return pushed                                       ? "accepted"
               : pushed.error().code == Code::unprocessable ? pushed.error().detail
                                                            : "another error";
    };
    CHECK(refused("one", text, {}).find("must be signed") != std::string::npos);
    CHECK(refused("one", text, world.signature(SigningKey::make(), "one", text)).find("trusted key") !=
          std::string::npos);
    CHECK(refused("two", text, world.signature(world.key, "one", text)).find("trusted key") != std::string::npos);
    CHECK(refused("one", text + " ", world.signature(world.key, "one", text)).find("trusted key") != std::string::npos);
    CHECK(refused("one", text, {.signature = "garbage", .sha256 = {}}).find("64 bytes") != std::string::npos);
    CHECK(world.trial.looks == 0);
    CHECK(world.stored_files() == 0);
    CHECK(world.registry->list(world.org).empty());
    CHECK(refused("one", text, world.signature(world.key, "one", text)) == "accepted");
}

TEST_CASE("a version is signed later by pushing it again, and no unsigned push takes that away") {
    SignedWorld world;
    world.trust(false);
    const auto text = manifest("digits");
    REQUIRE(world.run(world.pushing("digits", "one", text)).has_value());
    CHECK_FALSE(world.first().signer.has_value());
    const auto spaced = text + "\n"; // the same manifest, other bytes
    const auto again = world.push_signed(world.key, "one", spaced);
    REQUIRE(again.has_value());
    CHECK_FALSE(again->created);
    CHECK(again->version.signer == world.key.verifying().id());
    REQUIRE(world.run(world.pushing("digits", "one", text)).has_value());
    for (int round = 0; round < 2; ++round) {
        CHECK(world.first().signer == world.key.verifying().id());
        CHECK(*world.run(world.registry->manifest_file(world.org, "digits", 1)) == spaced);
        world.trust(true); // and it holds after a restart that asks for it
        CHECK(world.first().ready());
    }
}

TEST_CASE("a version whose key is trusted no more cannot be used where signatures are required") {
    SignedWorld world;
    REQUIRE(world.push_signed(world.key, "one", manifest("digits")).has_value());
    world.key = SigningKey::make();
    world.trust(true);
    CHECK_FALSE(world.first().ready());
    CHECK(world.first().reason.find("models.require_signature") != std::string::npos);
    CHECK(world.resolve_error("digits") == Code::unavailable);
    world.trust(false);
    CHECK(world.first().ready());
}
