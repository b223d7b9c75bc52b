#include "cli/jobs/job_wait.hpp"

#include "base/json_text.hpp"
#include "cli/absence.hpp"
#include "cli/interruption.hpp"
#include "cli/jobs/job_view.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <thread>

namespace millrace::cli {
namespace {

std::string path_of(const std::string& id) { return "/api/v1/jobs/" + encoded(id); }

double fraction_of(const json::value& job, const json::value& result) {
    if (member(job, "state") != "running") return -1;
    const auto* percent = find(result, {"progress_percent"});
    if (!percent) percent = find(job, {"progress_percent"});
    return percent && percent->is_number() ? percent->to_number<double>() / 100 : -1;
}

struct Look {
    json::value job, result;
};

// The second of them only where there is somebody to see it.
Look look(const Client& client, const std::string& id, bool whole) {
    Look now{client.get(path_of(id)), {}};
    if (whole && !is_ended(now.job)) now.result = client.get("/api/v1/results/" + encoded(id));
    return now;
}

} // namespace

std::string outlook_text(const json::value& job, const json::value& result, Timestamp now) {
    auto text = member(job, "state");
    if (const auto position = member(result, "position"); position != "-" && text == "queued")
        text += ", " + position + " before it";
    if (text == "scheduled") text += ", due " + age(job, "run_at", now);
    if (const auto others = member(job, "blocked_by"); others != "-")
        text += ", waits for " + others + " other" + (others == "1" ? "" : "s");
    const auto* left = find(result, {"estimated_seconds_remaining"});
    if (left && left->is_number())
        text += ", about " + seconds_text(std::max(1.0, left->to_number<double>())) + " left";
    return text;
}

json::value wait_for(Context& context, const Client& client, const std::string& id, Monotonic begun, double seconds) {
    Progress progress{context.err, context.progress, "waiting"};
    Absence absence;
    Interruption interruption{Interruption::Of::keys};
    Look now;
    for (auto pause = std::chrono::milliseconds{20};;) {
        auto found = absence.bridge([&] { return look(client, id, context.progress); });
        if (found) now = std::move(*found);
        if (is_ended(now.job)) return std::move(now.job);
        const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
        if (elapsed >= seconds) {
            progress.clear();
            throw Failure{failed, fmt::format("job {} is still {} after {}", id, member(now.job, "state"),
                                              seconds_text(elapsed))};
        }
        const auto outlook = absence.problem().empty()
                                 ? outlook_text(now.job, now.result, SystemClock::instance().now())
                                 : absence.problem();
        if (Interruption::asked()) {
            progress.clear();
            throw Failure{interrupted, fmt::format("job {} is {} and goes on without you\n"
                                                   "  wait again: millrace job wait {}\n"
                                                   "  end it:     millrace job cancel {}",
                                                   id, member(now.job, "state"), id, id)};
        }
        progress.show(fraction_of(now.job, now.result), fmt::format("{} · {}", outlook, seconds_text(elapsed)));
        std::this_thread::sleep_for(
            std::min<std::chrono::duration<double>>(pause, std::chrono::duration<double>{seconds - elapsed}));
        pause = std::min(pause * 3 / 2, std::chrono::milliseconds{500});
    }
}

int end_of(Context& context, const json::value& job) {
    if (context.json) print_raw(context, json_text(job));
    const auto state = member(job, "state");
    if (state == "succeeded") {
        if (const auto* result = find(job, {"result"}); result && !context.json) context.out << pretty(*result) << '\n';
        return done;
    }
    const auto* error = find(job, {"error"});
    throw Failure{failed, fmt::format("job {} is {}{}{}", member(job, "id"), state, error ? ": " : "",
                                      error ? member(*error, "code") + ": " + member(*error, "message") : "")};
}

} // namespace millrace::cli
