#include "jobs/dispatch/attempt_state.hpp"

#include <array>

namespace millrace::jobs {
namespace {

using enum AttemptState;
using Event = AttemptEvent;

struct Way {
    AttemptState from;
    AttemptEvent event;
    AttemptState to;
};

constexpr std::array ways{
    Way{claiming, Event::begun, running},
    Way{claiming, Event::handed_out, leased},
    Way{claiming, Event::not_found, lapsed},
    Way{claiming, Event::not_written, gone},
    Way{claiming, Event::ended, withdrawn},
    Way{withdrawn, Event::not_found, gone},
    Way{withdrawn, Event::not_written, gone},
    Way{withdrawn, Event::waits, claiming},
    Way{lapsed, Event::ended, gone},
    Way{running, Event::returned, ending},
    Way{running, Event::out_of_time, stopping},
    Way{running, Event::ended, fenced},
    Way{leased, Event::out_of_time, ending},
    Way{leased, Event::given_back, ending},
    Way{leased, Event::ended, gone},
    Way{stopping, Event::returned, ending},
    Way{stopping, Event::ended, fenced},
    Way{ending, Event::ended, gone},
    Way{ending, Event::kept, leased},
    Way{fenced, Event::returned, gone},
};

constexpr std::array<std::string_view, 9> state_names{"claiming", "withdrawn", "lapsed", "running", "leased",
                                                      "stopping", "ending",    "fenced", "gone"};
constexpr std::array<std::string_view, 10> event_names{"begun", "handed_out", "not_found",   "not_written", "ended",
                                                       "waits", "returned",   "out_of_time", "given_back",  "kept"};

} // namespace

std::optional<AttemptState> next(AttemptState state, AttemptEvent event) {
    for (const auto& way : ways)
        if (way.from == state && way.event == event) return way.to;
    return std::nullopt;
}

bool holds_slot(AttemptState state) { return state != lapsed && state != gone; }

std::string_view name(AttemptState state) { return state_names[static_cast<std::size_t>(state)]; }
std::string_view name(AttemptEvent event) { return event_names[static_cast<std::size_t>(event)]; }

} // namespace millrace::jobs
