#include "jobs/flows.hpp"

#include "base/crash_point.hpp"
#include "jobs/ending/ending.hpp"
#include "jobs/flows/flow_repository.hpp"

#include <fmt/format.h>

#include <map>

namespace millrace::jobs {
namespace {

using store::OrganizationSession;

// Parents before children (Kahn, 1962); unprocessable with what is wrong with the document.
Result<std::vector<std::size_t>> in_order(const NewFlow& flow) {
    std::map<std::string, std::size_t> by_ref;
    for (std::size_t i = 0; i < flow.steps.size(); ++i)
        if (!by_ref.emplace(flow.steps[i].ref, i).second)
            return Error{Code::unprocessable,
                         fmt::format("two jobs of the flow have the ref \"{}\"", flow.steps[i].ref)};
    std::vector<std::vector<std::size_t>> children(flow.steps.size());
    std::vector<std::size_t> parents_left(flow.steps.size(), 0), order;
    for (std::size_t i = 0; i < flow.steps.size(); ++i) {
        for (const auto& edge : flow.steps[i].depends_on) {
            const auto parent = by_ref.find(edge.parent);
            if (parent == by_ref.end())
                return Error{Code::unprocessable,
                             fmt::format("job \"{}\" depends on \"{}\", which is no ref of this flow",
                                         flow.steps[i].ref, edge.parent)};
            children[parent->second].push_back(i);
            ++parents_left[i];
        }
        if (parents_left[i] == 0) order.push_back(i);
    }
    for (std::size_t at = 0; at < order.size(); ++at)
        for (const auto child : children[order[at]])
            if (--parents_left[child] == 0) order.push_back(child);
    if (order.size() == flow.steps.size()) return order;
    std::string circle;
    for (std::size_t i = 0; i < flow.steps.size(); ++i)
        if (parents_left[i] > 0) circle += (circle.empty() ? "" : ", ") + flow.steps[i].ref;
    return Error{Code::unprocessable,
                 fmt::format("these jobs of the flow wait for each other in a circle: {}", circle)};
}

FlowGraph read_graph(OrganizationSession& tenant, Flow flow) {
    FlowGraph graph{std::move(flow), {}, {}};
    graph.nodes = flow_repository::nodes(tenant, graph.flow.id, graph.flow.callback);
    graph.edges = flow_repository::links(tenant, graph.flow.id);
    return graph;
}

// The flow that an earlier request with the same key has made.
Result<std::optional<FlowGraph>> made_before(OrganizationSession& tenant,
                                             const std::optional<IdempotentRequest>& request) {
    const auto earlier = earlier_answer(tenant, request);
    if (!earlier) return earlier.error();
    if (!*earlier) return std::optional<FlowGraph>{};
    const auto id = FlowId::parse((*earlier)->body);
    auto flow = id ? flow_repository::find(tenant, *id) : std::nullopt;
    if (!flow)
        return Error{Code::conflict, "this Idempotency-Key has made a flow that is no longer kept; use a new key"};
    return std::optional{read_graph(tenant, std::move(*flow))};
}

} // namespace

Result<Flows::Ready> Flows::prepare(const values::Principal& who, NewFlow asked, Timestamp now) const {
    const auto order = in_order(asked);
    if (!order) return order.error();
    Ready ready;
    ready.flow = {FlowId::make(), asked.name, now, {}, {}, static_cast<int>(asked.steps.size()), 0, 0};
    std::map<std::string, JobId> id_of;
    Admitted beside;
    for (const auto index : *order) {
        auto& step = asked.steps[index];
        auto job = jobs_.prepare(who, std::move(step.job), now, beside);
        if (!job)
            return Error{job.error().code, fmt::format("job \"{}\": {}", step.ref, job.error().detail),
                         job.error().retry_after_seconds};
        job->job.flow = ready.flow.id;
        job->job.flow_ref = step.ref;
        for (const auto& edge : step.depends_on) job->depends_on.push_back({id_of.at(edge.parent), edge.on_failure});
        id_of.emplace(step.ref, job->job.id);
        ready.jobs.push_back(std::move(*job));
    }
    if (!asked.callback) return ready;
    auto callback = jobs_.prepare(who, std::move(*asked.callback), now, beside);
    if (!callback)
        return Error{callback.error().code, fmt::format("the callback: {}", callback.error().detail),
                     callback.error().retry_after_seconds};
    callback->job.flow = ready.flow.id;
    for (const auto& [ref, id] : id_of) callback->depends_on.push_back({id, values::OnFailure::ignore});
    ready.flow.callback = callback->job.id;
    ready.jobs.push_back(std::move(*callback));
    return ready;
}

awaitable<Result<FlowGraph>> Flows::refuse(OrganizationId organization, std::optional<IdempotentRequest> request,
                                           Error why) {
    if (!request) co_return why;
    auto task = [request = std::move(request)](OrganizationSession& tenant) -> Result<std::optional<FlowGraph>> {
        return made_before(tenant, request);
    };
    auto earlier = co_await database_.read(organization, std::move(task));
    if (!earlier) co_return earlier.error();
    if (!*earlier) co_return why;
    co_return std::move(**earlier);
}

awaitable<Result<FlowGraph>> Flows::submit(values::Principal who, NewFlow asked,
                                           std::optional<IdempotentRequest> idempotency) {
    const Timestamp now = clock_.now();
    std::size_t bytes = 0;
    for (const auto& step : asked.steps) bytes += step.job.payload.size();
    if (asked.callback) bytes += asked.callback->payload.size();
    auto check = [this, &who, &asked, now] { return prepare(who, std::move(asked), now); };
    auto ready = co_await check_payloads(pool_, bytes, std::move(check));
    if (!ready) co_return co_await refuse(who.organization, std::move(idempotency), ready.error());
    auto task = [who, ready = std::move(*ready), idempotency = std::move(idempotency),
                 now](OrganizationSession& tenant) -> Result<FlowGraph> {
        auto earlier = made_before(tenant, idempotency);
        if (!earlier) return earlier.error();
        if (*earlier) return std::move(**earlier);
        crash_point("flow.before_insert");
        // One document, all or nothing: what a later job is refused for takes the earlier ones back.
        return tenant.savepoint([&]() -> Result<FlowGraph> {
            flow_repository::insert(tenant, ready.flow, who.actor);
            for (const auto& job : ready.jobs) {
                const auto stored = store_job(tenant, job, now);
                if (!stored) return stored.error();
                if (stored->duplicate)
                    return Error{Code::conflict, fmt::format("a job with the unique key \"{}\" is there already: {}",
                                                             job.job.unique_key, stored->id.text())};
            }
            remember_answer(tenant, idempotency, ready.flow.id.text(), 202, now);
            return read_graph(tenant, ready.flow);
        });
    };
    co_return co_await database_.write(who.organization, std::move(task));
}

awaitable<Result<std::optional<FlowGraph>>> Flows::find(OrganizationId organization, FlowId id) {
    auto task = [id](OrganizationSession& tenant) -> Result<std::optional<FlowGraph>> {
        auto flow = flow_repository::find(tenant, id);
        if (!flow) return std::optional<FlowGraph>{};
        return std::optional{read_graph(tenant, std::move(*flow))};
    };
    auto found = co_await database_.read(organization, std::move(task));
    if (found && *found) co_await dispatcher_.add_progress(std::span{(*found)->nodes});
    co_return found;
}

awaitable<Result<std::vector<Flow>>> Flows::list(OrganizationId organization, std::optional<FlowId> before, int limit) {
    auto task = [before, limit](OrganizationSession& tenant) -> Result<std::vector<Flow>> {
        return flow_repository::list(tenant, before, limit);
    };
    co_return co_await database_.read(organization, std::move(task));
}

awaitable<Result<std::size_t>> Flows::cancel(values::Principal who, FlowId id) {
    // How many of the flow itself: others may have waited for them.
    auto task = [who, id, now = clock_.now()](OrganizationSession& tenant) -> Result<std::size_t> {
        if (!flow_repository::find(tenant, id))
            return Error{Code::not_found, fmt::format("there is no flow {}", id.text())};
        const values::JobError why{"cancelled", fmt::format("its flow was cancelled by {}", who.name)};
        // Children first: none is failed, or released, by the end of its parent.
        const auto open = flow_repository::unfinished(tenant, id);
        Settled settled;
        for (auto job = open.rbegin(); job != open.rend(); ++job)
            end_job(tenant, *job, values::JobState::cancelled, why, now, settled);
        publish(tenant, std::move(settled));
        return open.size();
    };
    co_return co_await database_.write(who.organization, std::move(task));
}

} // namespace millrace::jobs
