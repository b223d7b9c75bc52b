// Who is refused, for how long, and how it comes back: played on a clock of the test's.
#include "inference/engine/quarantine.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace millrace;
using namespace millrace::inference;
using namespace std::chrono_literals;

namespace {

struct Ward {
    Quarantine quarantine{};
    Monotonic now{1h};

    Ward() = default;
    explicit Ward(QuarantineRules rules) : quarantine{rules} {}

    static Quarantine::Version version(const std::string& model, std::uint8_t organization = 1) {
        OrganizationId id;
        id.value.bytes[0] = organization;
        return {id, model, "1"};
    }
    // What came of one end, in words: "held input 30", "lifted model".
    static std::string said(const std::vector<Quarantine::Change>& changes) {
        std::string text;
        for (const auto& change : changes) {
            if (!text.empty()) text += ", ";
            text += (change.held ? "held " : "lifted ") + std::string{name(change.kind)};
            if (change.held) text += " " + std::to_string(change.wait.count() / 1000);
        }
        return text;
    }
    std::string end(const std::string& model, const std::string& digest, std::uint8_t organization = 1) {
        return said(quarantine.ended(version(model, organization), digest, now));
    }
    std::string ask(const std::string& model, const std::string& digest, std::uint8_t organization = 1) {
        const auto verdict = quarantine.ask(version(model, organization), digest, now);
        if (verdict.refused) return "refused for its " + std::string{name(verdict.kind)};
        return verdict.probe ? "probe" : "pass";
    }
    std::string survive(const std::string& model, const std::string& digest) {
        return said(quarantine.survived(version(model), digest));
    }
    bool troubled(const std::string& model) { return quarantine.is_troubled(version(model), now); }
};

} // namespace

TEST_CASE("an input is held when it has ended three workers, its model and its other inputs are not") {
    Ward w;
    CHECK_FALSE(w.troubled("m"));
    CHECK(w.end("m", "bad") == "");
    CHECK(w.troubled("m"));
    CHECK(w.ask("m", "bad") == "pass");
    CHECK(w.end("m", "bad") == "");
    CHECK(w.end("m", "bad") == "held input 30");
    CHECK(w.ask("m", "bad") == "refused for its input");
    CHECK(w.ask("m", "good") == "pass");
    CHECK(w.ask("other", "bad") == "pass");
    CHECK_FALSE(w.troubled("other"));
    for (int i = 0; i < 100; ++i) CHECK(w.end("m", "bad") == ""); // those that were on their way
    CHECK(w.ask("m", "good") == "pass");
}

TEST_CASE("a model is held when five different inputs ended workers, or its own loading did three times") {
    Ward w;
    for (const auto* digest : {"a", "b", "c", "d"}) CHECK(w.end("m", digest) == "");
    CHECK(w.ask("m", "z") == "pass");
    CHECK(w.end("m", "e") == "held model 30");
    CHECK(w.ask("m", "z") == "refused for its model");
    CHECK(w.ask("other", "z") == "pass");
    CHECK(w.end("loads", "") == "");
    CHECK(w.end("loads", "") == "");
    CHECK(w.end("loads", "") == "held model 30");
}

TEST_CASE("after the back-off one request is let through; if its worker survives, the quarantine is lifted") {
    Ward w;
    for (const auto* digest : {"a", "b", "c", "d", "e"}) w.end("m", digest);
    w.now += 29s;
    CHECK(w.ask("m", "z") == "refused for its model");
    w.now += 2s;
    CHECK(w.ask("m", "z") == "probe");
    CHECK(w.ask("m", "y") == "refused for its model"); // one at a time
    CHECK(w.survive("m", "z") == "lifted model");
    CHECK(w.ask("m", "y") == "pass");
    CHECK(w.troubled("m")); // for a while it stays in a worker of its own
    w.now += 10min;
    CHECK_FALSE(w.troubled("m"));
}

TEST_CASE("a probe that ends its worker doubles the back-off, up to an hour; one that never ran changes nothing") {
    Ward w;
    for (int i = 0; i < 3; ++i) w.end("m", "bad");
    std::string holds;
    for (auto wait = 30s; wait < 4h; wait = std::min<std::chrono::seconds>(2 * wait, 4h)) {
        w.now += std::min<std::chrono::seconds>(wait, 1h) + 1s;
        CHECK(w.ask("m", "bad") == "probe");
        holds += w.end("m", "bad") + "; ";
    }
    CHECK(holds == "held input 60; held input 120; held input 240; held input 480; held input 960; held input 1920; "
                   "held input 3600; "
                   "held input 3600; held input 3600; ");
    w.now += 1h;
    CHECK(w.ask("m", "bad") == "probe");
    w.quarantine.gave_up(w.version("m"), "bad");
    CHECK(w.ask("m", "bad") == "probe");
    CHECK(w.survive("m", "bad") == "lifted input");
    CHECK(w.ask("m", "bad") == "pass");
}

TEST_CASE("what is held again soon after it was let go is held twice as long") {
    Ward w;
    for (int i = 0; i < 3; ++i) w.end("m", "bad");
    w.now += 31s;
    CHECK(w.ask("m", "bad") == "probe");
    CHECK(w.survive("m", "bad") == "lifted input");
    CHECK(w.end("m", "bad") == "");
    CHECK(w.end("m", "bad") == "");
    CHECK(w.end("m", "bad") == "held input 60");
}

TEST_CASE(
    "an organisation is held for the models that ended workers, never for its others, and no other organisation is") {
    Ward w;
    std::string last;
    for (int i = 0; i < 12; ++i)
        last = w.end(std::string{"m"} + static_cast<char>('a' + i % 4), "input " + std::to_string(i));
    CHECK(last == "held organization 30");
    CHECK(w.ask("ma", "new") == "refused for its organization");
    CHECK(w.ask("honest", "new") == "pass");
    CHECK(w.ask("ma", "new", 2) == "pass");
    CHECK(w.end("another", "x") == "");
    CHECK(w.ask("another", "new") == "refused for its organization"); // from its first end on
    w.now += 31s;
    CHECK(w.ask("mb", "new") == "probe");
    CHECK(w.ask("mc", "new") == "refused for its organization");
    CHECK(w.survive("mb", "new") == "lifted organization");
    CHECK(w.ask("mc", "new") == "pass");
}

TEST_CASE("the same input again and again, or many inputs of two models, hold no organisation") {
    Ward w;
    for (int i = 0; i < 50; ++i) w.end("a", "bad"), w.end("b", "bad"), w.end("c", "bad");
    for (int i = 0; i < 20; ++i) w.end("d", std::to_string(i), 2), w.end("e", std::to_string(i), 2);
    CHECK(w.ask("a", "good") == "pass");
    for (const auto& held : w.quarantine.held(w.now)) CHECK(held.kind != Quarantine::Kind::organization);
}

TEST_CASE("ends that lie back long count no more, and nothing is remembered for ever") {
    Ward w;
    for (int i = 0; i < 20; ++i) {
        CHECK(w.end("m", "input " + std::to_string(i)) == "");
        CHECK(w.end("m", "same") == "");
        w.now += 11min;
    }
    CHECK_FALSE(w.troubled("m"));
    for (int i = 0; i < 3; ++i) w.end("m", "bad");
    w.now += 1h;
    w.quarantine.forget(w.now);
    CHECK(w.quarantine.size() == 0);
    CHECK(w.quarantine.held(w.now).empty());
}

TEST_CASE("memory is bounded, whatever is sent") {
    QuarantineRules rules;
    rules.most_versions = 10;
    rules.most_inputs = 8;
    rules.model_inputs = 1000;
    rules.organization_inputs = 1'000'000;
    Ward w{rules};
    for (int i = 0; i < 3; ++i) w.end("first", "bad");
    for (int model = 0; model < 40; ++model)
        for (int input = 0; input < 40; ++input)
            w.end("model " + std::to_string(model), "input " + std::to_string(input));
    CHECK(w.quarantine.size() == 10);
    CHECK(w.ask("first", "bad") == "pass"); // forgotten before those that were later
    rules.most_versions = 1000;
    Ward held{rules};
    for (int i = 0; i < 3; ++i) held.end("m", "bad");
    for (int input = 0; input < 40; ++input) held.now += 1ms, held.end("m", "input " + std::to_string(input));
    CHECK(held.ask("m", "bad") == "refused for its input"); // what is held is kept before what is not
}

TEST_CASE("a disturbance makes a model troubled and holds nothing; by hand everything is lifted") {
    Ward w;
    for (int i = 0; i < 50; ++i) w.quarantine.disturbed(w.version("m"), w.now);
    CHECK(w.troubled("m"));
    CHECK(w.ask("m", "any") == "pass");
    for (const auto* digest : {"a", "a", "a", "b", "c", "d", "e"}) w.end("m", digest);
    CHECK(w.quarantine.held(w.now).size() == 2);
    CHECK(w.said(w.quarantine.lift(w.version("m"))) == "lifted model, lifted input");
    CHECK(w.ask("m", "a") == "pass");
    CHECK_FALSE(w.troubled("m"));
}

TEST_CASE("a first back-off of nothing switches it off") {
    QuarantineRules rules;
    rules.first_hold = 0ms;
    Ward w{rules};
    for (int i = 0; i < 100; ++i) CHECK(w.end("m", std::to_string(i % 20)) == "");
    CHECK(w.ask("m", "1") == "pass");
    CHECK(w.troubled("m"));
}
