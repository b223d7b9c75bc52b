#include "jobs/queues.hpp"

#include "base/crash_point.hpp"
#include "jobs/events.hpp"
#include "jobs/queue_repository.hpp"

#include <algorithm>

namespace millrace::jobs {
namespace {

const Error too_many{Code::unprocessable, "there are too many queues; use one of those that there are"};

} // namespace

awaitable<std::vector<QueueView>> Queues::list(OrganizationId organization) {
    const auto snapshot = co_await dispatcher_.snapshot();
    std::vector<QueueView> views;
    for (const auto& queue : snapshot.queues) {
        if (queue.organization != organization) continue;
        const auto* entry = dispatcher_.table().find_queue(organization, queue.name);
        const auto rules = entry->rules();
        auto pause = rules->pause;
        if (pause && pause->until && *pause->until <= clock_.now()) pause.reset();
        views.push_back({queue.name, rules->settings, pause, queue, queue.breaker});
    }
    co_return views;
}

awaitable<std::optional<QueueView>> Queues::find(OrganizationId organization, std::string name) {
    auto all = co_await list(organization);
    const auto at = std::find_if(all.begin(), all.end(), [&](const QueueView& view) { return view.name == name; });
    if (at == all.end()) co_return std::nullopt;
    co_return std::move(*at);
}

awaitable<Result<void>> Queues::set(model::Principal who, std::string name, model::QueueSettings settings) {
    auto* queue = dispatcher_.table().queue(who.organization, name);
    if (!queue) co_return too_many;
    auto rules = *queue->rules();
    if (settings.external != rules.settings.external) {
        const auto view = co_await find(who.organization, name);
        if (view && view->counts.running + view->counts.queued + view->counts.scheduled + view->counts.blocked > 0)
            co_return Error{Code::conflict, "\"external\" can be changed only while the queue has no jobs waiting or running; let it run empty first"};
    }
    rules.settings = std::move(settings);
    auto task = [who, name, rules, now = clock_.now()](store::Session& session) -> Result<void> {
        crash_point("queue.before_write");
        store::TenantSession tenant{session, who.organization};
        queue_repository::save(tenant, name, rules, now);
        return success();
    };
    auto saved = co_await database_.write(std::move(task));
    if (!saved) co_return saved;
    crash_point("queue.before_answer");
    queue->set_rules(std::move(rules));
    dispatcher_.rules_changed(*queue);
    co_return success();
}

awaitable<Result<void>> Queues::pause(model::Principal who, std::string name, std::string reason, std::optional<Timestamp> until) {
    if (until && *until <= clock_.now()) co_return Error{Code::unprocessable, "\"until\" is in the past"};
    auto* queue = dispatcher_.table().queue(who.organization, name);
    if (!queue) co_return too_many;
    auto rules = *queue->rules();
    rules.pause = model::Pause{clock_.now(), until, std::move(reason), who.name};
    auto task = [who, name, rules, now = clock_.now()](store::Session& session) -> Result<void> {
        crash_point("queue.before_write");
        store::TenantSession tenant{session, who.organization};
        queue_repository::save(tenant, name, rules, now);
        json::object data{{"reason", rules.pause->reason}, {"by", rules.pause->actor}};
        if (rules.pause->until) data["until"] = rules.pause->until->text();
        write_event(session, who.organization, "queue.paused", name, data, now);
        return success();
    };
    auto saved = co_await database_.write(std::move(task));
    if (!saved) co_return saved;
    crash_point("queue.before_answer");
    queue->set_rules(std::move(rules));
    dispatcher_.rules_changed(*queue);
    co_return success();
}

awaitable<Result<void>> Queues::resume(model::Principal who, std::string name) {
    auto* queue = dispatcher_.table().find_queue(who.organization, name);
    if (!queue) co_return Error{Code::not_found, "there is no queue " + name};
    auto rules = *queue->rules();
    if (!rules.pause) co_return success();
    rules.pause.reset();
    auto task = [who, name, rules, now = clock_.now()](store::Session& session) -> Result<void> {
        crash_point("queue.before_write");
        store::TenantSession tenant{session, who.organization};
        queue_repository::save(tenant, name, rules, now);
        write_event(session, who.organization, "queue.resumed", name, {{"by", who.name}}, now);
        return success();
    };
    auto saved = co_await database_.write(std::move(task));
    if (!saved) co_return saved;
    crash_point("queue.before_answer");
    queue->set_rules(std::move(rules));
    dispatcher_.rules_changed(*queue);
    co_return success();
}

} // namespace millrace::jobs
