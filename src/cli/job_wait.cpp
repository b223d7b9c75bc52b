#include "cli/job_wait.hpp"

#include "cli/job_view.hpp"
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

} // namespace

std::string outlook_text(const json::value& job, const json::value& result) {
    auto text = member(job, "state");
    if (const auto position = member(result, "position"); position != "-" && text == "queued") text += ", " + position + " before it";
    if (const auto others = member(job, "blocked_by"); others != "-") text += ", waits for " + others + " other" + (others == "1" ? "" : "s");
    const auto* left = find(result, {"estimated_seconds_remaining"});
    if (left && left->is_number()) text += ", about " + seconds_text(std::max(1.0, left->to_number<double>())) + " left";
    return text;
}

json::value wait_for(Context& context, const Client& client, const std::string& id, Monotonic begun, double seconds) {
    Progress progress{context.err, context.progress, "waiting"};
    for (auto pause = std::chrono::milliseconds{20};;) {
        auto job = client.get(path_of(id));
        if (is_ended(job)) return job;
        const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
        if (elapsed >= seconds) {
            progress.clear();
            throw Failure{failed, fmt::format("job {} is still {} after {}", id, member(job, "state"), seconds_text(elapsed))};
        }
        if (context.progress) {
            const auto result = client.get("/api/v1/results/" + encoded(id));
            progress.show(fraction_of(job, result), fmt::format("{} · {}", outlook_text(job, result), seconds_text(elapsed)));
        }
        std::this_thread::sleep_for(std::min<std::chrono::duration<double>>(pause, std::chrono::duration<double>{seconds - elapsed}));
        pause = std::min(pause * 3 / 2, std::chrono::milliseconds{500});
    }
}

int end_of(Context& context, const json::value& job) {
    if (context.json) print_raw(context, json::serialize(job));
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
