#include "jobs/dispatch/admission.hpp"

#include <optional>

namespace millrace::jobs {
namespace {

Error refused(std::string why, int seconds = 1) { return {Code::unavailable, std::move(why), seconds}; }

Error breaker_open(const std::string& of, std::chrono::milliseconds left) {
    return refused("the circuit breaker of " + of + " is open, because most of its jobs fail; try again later",
                   static_cast<int>((left.count() + 999) / 1000));
}

} // namespace

void Admission::look_for_room() {
    auto reason = no_room_();
    has_room_ = reason.empty();
    *reason_.lock() = std::move(reason);
}

Result<void> Admission::has_place(const OrganizationId& organization, std::string_view queue_name,
                                  const Admitted& beside) {
    const auto queue = table_.find_queue(organization, queue_name);
    return has_place(queue.get(), organization, queue_name, beside);
}

// `queue`: null until its first job has arrived, so that one that is refused makes none.
Result<void> Admission::has_place(Queue* queue, const OrganizationId& organization, std::string_view queue_name,
                                  const Admitted& beside) {
    if (closed_) return refused("the daemon is stopping; try again in a moment");
    if (!has_room_.load(std::memory_order_relaxed)) return refused(*reason_.lock(), 10);
    if (backlog() + beside.all >= max_backlog_)
        return refused("as many jobs are waiting as may wait (jobs.max_backlog = " + std::to_string(max_backlog_) +
                           "); try again later",
                       5);
    if (!queue && !table_.admits(organization, queue_name))
        return Error{Code::unprocessable, "there are too many queues; use one of those that there are"};
    if (!queue) return success();
    const auto ahead =
        queue->waiting.load(std::memory_order_relaxed) + static_cast<std::int64_t>(beside.in(queue_name));
    if (const auto most = queue->rules()->settings.max_backlog; most && ahead >= static_cast<std::int64_t>(*most))
        return refused("as many jobs are waiting in queue " + std::string{queue_name} +
                           " as may wait there (max_backlog = " + std::to_string(*most) + "); try again later",
                       5);
    return success();
}

Result<void> Admission::admits(const OrganizationId& organization, std::string_view queue_name, std::string_view kind,
                               std::string_view resource, const Admitted& beside) {
    const auto queue = table_.find_queue(organization, queue_name);
    if (auto place = has_place(queue.get(), organization, queue_name, beside); !place) return place;
    const auto at = clock_.monotonic();
    if (queue && queue->rules()->settings.breaker)
        if (const auto left = queue->breaker.refuses(at)) return breaker_open("queue " + queue->name, *left);
    if (resource.empty()) return success();
    const auto* its = table_.find_resource(organization, kind, resource);
    if (const auto left = its ? its->breaker.refuses(at) : std::nullopt) return breaker_open(its->name, *left);
    return success();
}

} // namespace millrace::jobs
