// Sessions of the web page: sign-in, use, and each way in which one ends.
#include "identity/key_text.hpp"
#include "unit/identity/identity_world.hpp"

using namespace millrace;
using namespace millrace::identity;
using namespace millrace::identity::test;

TEST_CASE("a session lives while it is used, and half an hour longer") {
    World world;
    const auto created = world.key(values::Role::operator_);
    const auto session = world.login(created.text);
    REQUIRE(session.has_value());
    CHECK(session->principal.role == values::Role::operator_);
    for (int i = 0; i < 3; ++i) {
        world.clock.advance(29min);
        CHECK(world.identity->by_session(session->token).has_value());
    }
    world.open(); // its last use was written
    CHECK(world.identity->by_session(session->token).has_value());
    world.clock.advance(30min);
    CHECK_FALSE(world.identity->by_session(session->token).has_value());
}

TEST_CASE("a session ends twelve hours after signing in, however busy") {
    World world;
    const auto session = world.login(world.key(values::Role::viewer).text);
    REQUIRE(session.has_value());
    for (int i = 0; i < 35; ++i) {
        world.clock.advance(20min);
        CHECK(world.identity->by_session(session->token).has_value());
    }
    world.clock.advance(20min);
    CHECK_FALSE(world.identity->by_session(session->token).has_value());
}

TEST_CASE("signing out ends the session, and signing in again replaces it") {
    World world;
    const auto created = world.key(values::Role::viewer);
    const auto first = world.login(created.text);
    REQUIRE(first.has_value());
    const auto second = world.run(world.identity->login(created.text, "10.0.0.1", first->token));
    REQUIRE(second.has_value());
    CHECK_FALSE(world.identity->by_session(first->token).has_value());
    CHECK(world.identity->by_session(second->token).has_value());
    CHECK(world.run(world.identity->logout(second->token)).has_value());
    CHECK(world.run(world.identity->logout("never seen")).has_value());
    CHECK_FALSE(world.identity->by_session(second->token).has_value());
    world.open();
    CHECK_FALSE(world.identity->by_session(first->token).has_value());
    CHECK_FALSE(world.identity->by_session(second->token).has_value());
}

TEST_CASE("guessing a key at the sign-in is stopped after twenty tries, even for the right one, at that address") {
    World world;
    const auto created = world.key(values::Role::viewer);
    const auto wrong = created.text.substr(0, created.text.size() - 3) + "xyz";
    for (int i = 0; i < 20; ++i) CHECK(world.login(wrong).error().code == Code::unauthenticated);
    CHECK(world.login(wrong).error().code == Code::rate_limited);
    CHECK(world.login(created.text).error().code == Code::rate_limited);
    CHECK(world.login(world.key(values::Role::viewer).text).has_value()); // whoever shares the address
    CHECK(world.run(world.identity->login(created.text, "10.0.0.2", "")).has_value());
    CHECK(world.identity->by_key(created.text).has_value()); // keys go on working
    world.clock.advance(60s);
    CHECK(world.login(created.text).has_value());
}

TEST_CASE("a key's new session ends its own oldest, never that of another key, also after a restart") {
    World world;
    const auto one = world.key(values::Role::admin), many = world.key(values::Role::viewer);
    const auto kept = world.login(one.text);
    std::vector<std::string> tokens;
    for (std::size_t i = 0; i < Identity::max_sessions_of_key + 5; ++i) {
        world.clock.advance(1s);
        const auto session = world.login(many.text);
        REQUIRE(session.has_value());
        tokens.push_back(session->token);
    }
    const auto holds = [&] {
        for (std::size_t i = 0; i < tokens.size(); ++i)
            CHECK(world.identity->by_session(tokens[i]).has_value() == (i >= 5));
        CHECK(world.identity->by_session(kept->token).has_value());
    };
    holds();
    world.open();
    holds();
    CHECK(world.login(one.text).has_value());
}

TEST_CASE("one key cannot keep the store busy by signing in again and again") {
    World world;
    const auto busy = world.key(values::Role::viewer), other = world.key(values::Role::viewer);
    for (std::size_t i = 0; i < Identity::max_logins_of_key; ++i) REQUIRE(world.login(busy.text).has_value());
    CHECK(world.login(busy.text).error().code == Code::rate_limited);
    CHECK(world.login(other.text).has_value());
    world.clock.advance(60s);
    CHECK(world.login(busy.text).has_value());
}
