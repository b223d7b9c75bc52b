#include "jobs/leases.hpp"

#include "base/crash_point.hpp"
#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "jobs/ending/ending.hpp"
#include "jobs/job_repository.hpp"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <charconv>

namespace millrace::jobs {
namespace {

using store::OrganizationSession;

const Error stale{
    Code::conflict,
    "this lease is over: it expired, or the job was cancelled or given to another worker; nothing was written"};

} // namespace

std::string LeaseToken::text() const {
    return fmt::format("{}{:016x}", hex(std::as_bytes(std::span{job.value.bytes})), static_cast<std::uint64_t>(token));
}

std::optional<LeaseToken> LeaseToken::parse(std::string_view text) {
    if (text.size() != 48) return std::nullopt;
    const std::string id = fmt::format("{}-{}-{}-{}-{}", text.substr(0, 8), text.substr(8, 4), text.substr(12, 4),
                                       text.substr(16, 4), text.substr(20, 12));
    const auto job = JobId::parse(id);
    std::uint64_t token = 0;
    const auto [end, failure] = std::from_chars(text.data() + 32, text.data() + 48, token, 16);
    if (!job || failure != std::errc{} || end != text.data() + 48) return std::nullopt;
    return LeaseToken{*job, static_cast<std::int64_t>(token)};
}

awaitable<Result<std::vector<LeasedJob>>> Leases::take(values::Principal who, LeaseRequest request) {
    const auto queue = dispatcher_.table().find_queue(who.organization, request.queue);
    if (!queue || !queue->rules()->settings.external)
        co_return Error{
            Code::conflict,
            fmt::format("queue \"{}\" is not worked by lease; set it with PUT /api/v1/queues/{} {{\"external\":true}}",
                        request.queue, request.queue)};
    WorkerTicket ticket = 0;
    auto cancellation = co_await asio::this_coro::cancellation_state;
    const auto wait =
        cancellation.cancelled() == asio::cancellation_type::none ? request.wait : std::chrono::milliseconds{0};
    auto ask = [this, &ticket, queue, request, wait](std::function<void(Result<std::vector<Handed>>)> done) {
        ticket = dispatcher_.hand_out(queue, request.worker, request.most, wait, request.lease, std::move(done));
    };
    // Both run on the coroutine's executor, and asio clears the slot when the coroutine goes on.
    if (auto slot = cancellation.slot(); slot.is_connected())
        slot.assign([this, &ticket](asio::cancellation_type) { dispatcher_.withdraw_worker(ticket); });
    auto handed = co_await async::completion<Result<std::vector<Handed>>>(std::move(ask));
    if (!handed) co_return handed.error();
    if (handed->empty()) co_return std::vector<LeasedJob>{};
    auto task = [handed = *handed,
                 length = request.lease](OrganizationSession& tenant) -> Result<std::vector<LeasedJob>> {
        std::vector<LeasedJob> jobs;
        for (const auto& each : handed)
            if (auto job = job_repository::find(tenant, each.id))
                jobs.push_back({{each.id, each.token}, std::move(*job), length});
        return jobs;
    };
    auto jobs = co_await database_.read(who.organization, std::move(task));
    if (!jobs) dispatcher_.take_back(std::move(*handed));
    co_return jobs;
}

void Leases::take_back(const std::vector<LeaseToken>& undelivered) {
    std::vector<Handed> handed;
    handed.reserve(undelivered.size());
    for (const auto& each : undelivered) handed.push_back({each.job, each.token});
    dispatcher_.take_back(std::move(handed));
}

awaitable<Result<Heartbeat>> Leases::heartbeat(values::Principal who, LeaseToken token,
                                               std::optional<int> progress_percent) {
    auto task = [token, progress_percent](OrganizationSession& tenant) -> Result<std::chrono::milliseconds> {
        crash_point("heartbeat.before_write");
        if (!attempt_repository::heartbeat(tenant, token.job, token.token, progress_percent)) return stale;
        return attempt_repository::lease_length(tenant, token.job);
    };
    const auto length = co_await database_.write(who.organization, std::move(task));
    if (!length) co_return length.error();
    crash_point("heartbeat.after_write");
    dispatcher_.heartbeat(token.job, token.token, progress_percent);
    co_return Heartbeat{*length};
}

awaitable<Result<void>> Leases::end(values::Principal who, LeaseToken token, Outcome outcome) {
    auto task = [this, who, token, outcome = std::move(outcome),
                 now = clock_.now()](OrganizationSession& tenant) -> Result<void> {
        const auto lease = attempt_repository::find(tenant, token.job, token.token);
        if (!lease) return stale;
        auto settled = end_attempt(tenant.system(), *lease, outcome, dispatcher_.retry_policy(*lease),
                                   dispatcher_.end_rules(), random64, now);
        if (settled.empty()) return stale;
        publish(tenant, std::move(settled));
        return success();
    };
    auto done = co_await database_.write(who.organization, std::move(task));
    if (done) crash_point("complete.before_answer");
    co_return done;
}

awaitable<Result<void>> Leases::complete(values::Principal who, LeaseToken token, std::string result_json) {
    Outcome outcome = Success{std::move(result_json), {}};
    co_return co_await end(std::move(who), token, std::move(outcome));
}

awaitable<Result<void>> Leases::fail(values::Principal who, LeaseToken token, values::JobError error, bool retryable,
                                     std::optional<std::chrono::milliseconds> retry_after) {
    const auto kind = retryable ? Failure::Kind::retryable : Failure::Kind::permanent;
    Outcome outcome = Failure{kind, std::move(error), retry_after};
    co_return co_await end(std::move(who), token, std::move(outcome));
}

} // namespace millrace::jobs
