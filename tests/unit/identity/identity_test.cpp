#include "identity/key_text.hpp"
#include "unit/identity/identity_world.hpp"

#include <fcntl.h>

using namespace millrace;
using namespace millrace::identity;
using namespace millrace::identity::test;

TEST_CASE("a created key says who its holder is, also after a restart") {
    World world;
    CHECK_FALSE(world.identity->has_keys());
    const auto created = world.key(values::Role::submitter);
    CHECK(world.identity->has_keys());
    for (int round = 0; round < 2; ++round) {
        const auto who = world.identity->by_key(created.text);
        REQUIRE(who.has_value());
        CHECK(who->name == "key of a test");
        CHECK(who->role == values::Role::submitter);
        CHECK(who->organization == values::default_organization);
        CHECK(who->actor.value == created.key.id.value);
        world.open();
    }
}

TEST_CASE("the store holds no secret of a key or session") {
    World world;
    const auto created = world.key(values::Role::admin);
    const auto session = world.login(created.text);
    REQUIRE(session.has_value());
    const std::string secret{parse_key(created.text)->secret};
    world.identity.reset();
    world.database.reset();
    for (const auto& entry : std::filesystem::directory_iterator(world.data)) {
        if (!entry.is_regular_file()) continue;
        std::string bytes(entry.file_size(), '\0');
        auto* file = std::fopen(entry.path().c_str(), "rb");
        REQUIRE(std::fread(bytes.data(), 1, bytes.size(), file) == bytes.size());
        std::fclose(file);
        CHECK(bytes.find(secret) == std::string::npos);
        CHECK(bytes.find(session->token) == std::string::npos);
    }
    world.open();
}

TEST_CASE("a key with another secret, another id or none is not accepted") {
    World world;
    const auto created = world.key(values::Role::viewer);
    CHECK(world.identity->by_key("").error().code == Code::unauthenticated);
    CHECK(world.identity->by_key(key_text(created.key.id, new_secret())).error().code == Code::unauthenticated);
    CHECK(world.identity->by_key(key_text(KeyId::make(), parse_key(created.text)->secret)).error().code ==
          Code::unauthenticated);
    CHECK(world.identity->by_key(created.text).has_value());
}

TEST_CASE("a revoked key ends at once, with its sessions, and stays ended after a restart") {
    World world;
    const auto created = world.key(values::Role::admin);
    const auto session = world.login(created.text);
    REQUIRE(session.has_value());
    CHECK(world.run(world.identity->revoke_key(world.admin, created.key.id)).has_value());
    CHECK_FALSE(world.identity->by_key(created.text).has_value());
    CHECK_FALSE(world.identity->by_session(session->token).has_value());
    CHECK(world.run(world.identity->revoke_key(world.admin, created.key.id)).has_value()); // again: no error
    CHECK(world.listed(created.key.id).revoked_at);
    world.open();
    CHECK_FALSE(world.identity->by_key(created.text).has_value());
    CHECK_FALSE(world.identity->by_session(session->token).has_value());
}

TEST_CASE("a key of another organisation cannot be revoked or seen") {
    World world;
    const auto created = world.key(values::Role::viewer);
    values::Principal stranger = world.admin;
    stranger.organization = OrganizationId::make();
    CHECK(world.run(world.identity->revoke_key(stranger, created.key.id)).error().code == Code::not_found);
    CHECK(world.run(world.identity->list_keys(stranger))->empty());
    CHECK(world.identity->by_key(created.text).has_value());
}

TEST_CASE("an expired key is not accepted") {
    World world;
    const auto created = world.key(values::Role::viewer, world.clock.now() + 10min);
    world.clock.advance(9min);
    CHECK(world.identity->by_key(created.text).has_value());
    world.clock.advance(1min);
    CHECK_FALSE(world.identity->by_key(created.text).has_value());
    CHECK_FALSE(world.login(created.text).has_value());
}

TEST_CASE("a key without a name or with an expiry in the past is not made") {
    World world;
    auto create = [&](NewKey wanted) { return world.run(world.identity->create_key(world.admin, std::move(wanted))); };
    CHECK(create({.name = "", .expires_at = {}}).error().code == Code::unprocessable);
    CHECK(create({.name = "a\nb", .expires_at = {}}).error().code == Code::unprocessable);
    CHECK(create({.name = std::string(101, 'x'), .expires_at = {}}).error().code == Code::unprocessable);
    CHECK(create({.name = "a", .expires_at = world.clock.now()}).error().code == Code::unprocessable);
}

TEST_CASE("the last use is shown at once and written at most once a minute") {
    World world;
    const auto created = world.key(values::Role::viewer);
    CHECK_FALSE(world.listed(created.key.id).last_used_at);
    CHECK(world.identity->by_key(created.text).has_value());
    const auto writes = [&] {
        CHECK(world.database->write_blocking([](store::SystemSession&) { return success(); }).has_value());
        return world.database->stats().writes;
    };
    const auto before = writes();
    for (int i = 0; i < 100; ++i) CHECK(world.identity->by_key(created.text).has_value());
    CHECK(writes() == before + 1); // the one of counting
    world.clock.advance(61s);
    CHECK(world.identity->by_key(created.text).has_value());
    CHECK(writes() == before + 3);
    CHECK(world.listed(created.key.id).last_used_at == world.clock.now());
    world.open();
    CHECK(world.listed(created.key.id).last_used_at == world.clock.now());
}

TEST_CASE("wrong keys of any kind are stopped after twenty from one address, and right ones still get in") {
    World world;
    const auto created = world.key(values::Role::viewer);
    for (int i = 0; i < 20; ++i)
        CHECK(world.login(i % 2 ? "mr_wrong" : key_text(KeyId::make(), new_secret())).error().code ==
              Code::unauthenticated);
    for (const auto& wrong : {std::string{"mr_wrong"}, std::string{}, key_text(KeyId::make(), new_secret())})
        CHECK(world.login(wrong).error().code == Code::rate_limited);
    CHECK(world.login(created.text).has_value());
}

TEST_CASE("keys are looked up from many threads while others come and go") {
    World world;
    const auto steady = world.key(values::Role::viewer);
    const auto session = world.login(steady.text);
    REQUIRE(session.has_value());
    std::atomic<bool> stop{false};
    std::atomic<int> refused{0}, asked{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 4; ++i)
        readers.emplace_back([&] {
            while (!stop) {
                if (!world.identity->by_key(steady.text) || !world.identity->by_session(session->token)) ++refused;
                ++asked;
            }
        });
    for (int i = 0; i < 10; ++i) {
        const auto passing = world.key(values::Role::admin);
        CHECK(world.identity->by_key(passing.text).has_value());
        CHECK(world.run(world.identity->revoke_key(world.admin, passing.key.id)).has_value());
        CHECK_FALSE(world.identity->by_key(passing.text).has_value());
        world.clock.advance(61s);
    }
    stop = true;
    for (auto& reader : readers) reader.join();
    CHECK(refused == 0);
    CHECK(asked > 0);
}

TEST_CASE("a key has a share of the queue, kept over a restart; one that cannot be is refused") {
    World world;
    const auto heavy = world.run(world.identity->create_key(
        world.admin, {.name = "heavy", .role = values::Role::submitter, .expires_at = {}, .weight = 3}));
    REQUIRE(heavy.has_value());
    CHECK(world.identity->by_key(heavy->text)->key_weight == 3);
    CHECK(world.listed(heavy->key.id).weight == 3);
    CHECK(world.listed(world.key(values::Role::viewer).key.id).weight == 1);
    world.open();
    const auto who = world.identity->by_key(heavy->text);
    REQUIRE(who.has_value());
    CHECK(who->key_weight == 3);
    CHECK(who->organization_weight == 1);
    for (const int weight : {0, -1, 101}) {
        const auto refused = world.run(world.identity->create_key(
            world.admin, {.name = "no", .role = values::Role::viewer, .expires_at = {}, .weight = weight}));
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().code == Code::unprocessable);
    }
}
