// Every event in every state.
#include "jobs/dispatch/attempt_state.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>

using namespace millrace::jobs;

TEST_CASE("an attempt goes from state to state as drawn, and nowhere else") {
    const std::map<std::string, std::map<std::string, std::string>> drawn{
        {"claiming",
         {{"begun", "running"},
          {"handed_out", "leased"},
          {"not_found", "lapsed"},
          {"not_written", "gone"},
          {"ended", "withdrawn"}}},
        {"withdrawn", {{"not_found", "gone"}, {"not_written", "gone"}, {"waits", "claiming"}}},
        {"lapsed", {{"ended", "gone"}}},
        {"running", {{"returned", "ending"}, {"out_of_time", "stopping"}, {"ended", "fenced"}}},
        {"leased", {{"out_of_time", "ending"}, {"given_back", "ending"}, {"ended", "gone"}}},
        {"stopping", {{"returned", "ending"}, {"ended", "fenced"}}},
        {"ending", {{"ended", "gone"}, {"kept", "leased"}}},
        {"fenced", {{"returned", "gone"}}},
        {"gone", {}},
    };
    for (int s = 0; s <= static_cast<int>(AttemptState::gone); ++s)
        for (int e = 0; e <= static_cast<int>(AttemptEvent::kept); ++e) {
            const auto state = static_cast<AttemptState>(s);
            const auto event = static_cast<AttemptEvent>(e);
            const auto to = next(state, event);
            const auto& ways = drawn.at(std::string{name(state)});
            const auto expected = ways.find(std::string{name(event)});
            CAPTURE(name(state));
            CAPTURE(name(event));
            CHECK((to ? std::string{name(*to)} : "") == (expected == ways.end() ? "" : expected->second));
        }
}

TEST_CASE("a slot is held from the line until nothing of the attempt runs and its end is stored") {
    for (const auto state : {AttemptState::claiming, AttemptState::withdrawn, AttemptState::running,
                             AttemptState::leased, AttemptState::stopping, AttemptState::ending, AttemptState::fenced})
        CHECK(holds_slot(state));
    CHECK_FALSE(holds_slot(AttemptState::lapsed));
    CHECK_FALSE(holds_slot(AttemptState::gone));
}
