// The states of an attempt in the dispatcher's memory. Pure. What happens is heard in the order of the commits, so each
// state has few ways out, and whatever else comes is a fault of the program.
//
// A job is taken from the line, and its claim written:
//
//               ┌────── waits ──────┐
//               ▼                   │
//   (line) ─▶ claiming ── ended ─▶ withdrawn ── not_found, not_written ─▶ gone
//               ├── not_written ─▶ gone (and back into the line)
//               ├── not_found ───▶ lapsed ── ended ─▶ gone
//               ├── begun ───────▶ running      (a processor here)
//               └── handed_out ──▶ leased       (an external worker)
//
// and it ends:
//
//   running ── returned ────▶ ending ── ended ─▶ gone
//      ├────── out_of_time ─▶ stopping ── returned ─▶ ending
//      │                         └─────── ended ────▶ fenced ── returned ─▶ gone
//      └────── ended ───────▶ fenced
//   leased ─── out_of_time, given_back ─▶ ending ── kept ─▶ leased
//      └────── ended ───────▶ gone
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace millrace::jobs {

enum class AttemptState : std::uint8_t {
    claiming,  // taken from the line, its claim on its way into the store
    withdrawn, // ended meanwhile: the claim will find nothing
    lapsed,    // not claimed, because its time was over: its expiry will come
    running,   // in its processor
    leased,    // at an external worker
    stopping,  // its end on its way into the store, its processor told to stop
    ending,    // its end on its way into the store, nothing of it runs
    fenced,    // its end in the store, its processor not stopped yet
    gone,
};

enum class AttemptEvent : std::uint8_t {
    begun,       // its claim is committed, and it runs here
    handed_out,  // its claim is committed, for an external worker
    not_found,   // the claim found nothing to claim
    not_written, // the claim could not be written
    ended,       // the job ended, or the attempt did and the job waits again
    waits,       // the job, which had ended, waits again: somebody retried it
    returned,    // its processor has come back
    out_of_time, // its timeout, its job's deadline, its lease or the daemon's own time is over
    given_back,  // its worker never got it
    kept,        // that could not be written: the lease goes on
};

// nullopt: it cannot happen in this state.
std::optional<AttemptState> next(AttemptState state, AttemptEvent event);

// Whether it counts against the limits of its queue, its kind and the daemon.
bool holds_slot(AttemptState state);

std::string_view name(AttemptState state);
std::string_view name(AttemptEvent event);

} // namespace millrace::jobs
