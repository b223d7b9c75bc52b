#include "cli/jobs/job_tail.hpp"

#include "base/json.hpp"
#include "cli/absence.hpp"
#include "cli/jobs/event_lines.hpp"
#include "cli/jobs/job_view.hpp"
#include "cli/table.hpp"
#include "cli/target.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

#include <ostream>
#include <thread>
#include <utility>

namespace millrace::cli {
namespace {

constexpr auto before_again = std::chrono::milliseconds{300};

std::string line_of(const json::value& change, bool colour) {
    const auto at = member(change, "at");
    if (member(change, "type") == "job.progress") return fmt::format("{}  {}%", at, member(change, "progress_percent"));
    const auto state = member(change, "state");
    auto line = fmt::format("{}  {}", at, in_colour_of(state, state, colour));
    if (const auto attempt = member(change, "attempt"); attempt != "-" && state == "running")
        line += ", attempt " + attempt;
    if (const auto due = member(change, "run_at"); due != "-" && state == "scheduled") line += ", due " + due;
    return line;
}

} // namespace

int tail_job(Context& context, const Client& client, const std::string& id) {
    Absence absence;
    std::string last; // what was printed last: a stream that begins anew tells it again
    EventLines lines{[&](std::string_view name, std::string_view data) {
        if (!name.starts_with("job.")) return;
        const auto change = parse_json(data);
        if (!change) return;
        auto key = member(*change, "state") + member(*change, "progress_percent");
        if (key == last) return;
        last = std::move(key);
        if (context.json) print_raw(context, std::string{data});
        else context.out << line_of(*change, context.colour) << '\n';
        context.out.flush();
    }};
    for (bool again = false;;) {
        // A stream that breaks is no failure of the daemon: only one that cannot be opened is.
        const auto job = absence.bridge([&] { return client.get("/api/v1/jobs/" + encoded(id)); });
        if (job && is_ended(*job) && last.starts_with(member(*job, "state"))) {
            const auto* error = find(*job, {"error"});
            if (error && !context.json)
                context.err << member(*error, "code") << ": " << member(*error, "message") << '\n';
            return member(*job, "state") == "succeeded" ? done : failed;
        }
        if (!context.out.good()) return failed; // nobody reads any more
        if (std::exchange(again, true)) std::this_thread::sleep_for(before_again);
        if (!job) continue;
        try {
            Call call{.target = Target{"/api/v1/events/stream"}.with("job", id).text()};
            call.received = [&lines](std::span<const char> piece, std::optional<std::uint64_t>) { lines.add(piece); };
            (void)client.call(call);
        } catch (const Failure& failure) {
            if (failure.exit != unreachable) throw;
        }
    }
}

} // namespace millrace::cli
