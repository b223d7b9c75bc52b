#include "jobs/dispatch/waiting_workers.hpp"

#include <algorithm>

namespace millrace::jobs {
namespace {

void give_none(const WaitingWorker& worker) { worker.given(std::vector<Handed>{}); }

} // namespace

void WaitingWorkers::add(WaitingWorker worker) {
    if (dismissed_) return worker.given(Error{Code::unavailable, "the daemon is stopping; try again in a moment"});
    if (workers_.size() >= most_)
        return worker.given(Error{Code::unavailable, "as many workers wait for jobs as may; try again later", 5});
    workers_.push_back(std::move(worker));
}

void WaitingWorkers::withdraw(WorkerTicket ticket) {
    const auto at = std::find_if(workers_.begin(), workers_.end(),
                                 [&](const WaitingWorker& each) { return each.ticket == ticket; });
    if (at == workers_.end()) return;
    const auto gone = std::move(*at);
    workers_.erase(at);
    give_none(gone);
}

void WaitingWorkers::dismiss() {
    dismissed_ = true;
    for (const auto& worker : std::exchange(workers_, {})) give_none(worker);
}

void WaitingWorkers::serve(Monotonic now, const Take& take, const Claim& claim) {
    for (auto& worker : std::exchange(workers_, {})) {
        auto jobs = take(worker);
        if (!jobs.empty()) claim(std::move(worker), std::move(jobs));
        else if (worker.until <= now) give_none(worker);
        else workers_.push_back(std::move(worker));
    }
}

std::optional<Monotonic> WaitingWorkers::next_to_go() const {
    std::optional<Monotonic> next;
    for (const auto& worker : workers_)
        if (!next || worker.until < *next) next = worker.until;
    return next;
}

} // namespace millrace::jobs
