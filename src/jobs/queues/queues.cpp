#include "jobs/queues.hpp"

#include "base/crash_point.hpp"
#include "events/event_log.hpp"
#include "jobs/queues/queue_repository.hpp"

#include <algorithm>
#include <functional>

namespace millrace::jobs {
namespace {

const Error too_many{Code::unprocessable, "there are too many queues; use one of those that there are"};

// One change of a queue's rules: read, changed and written on the writer's thread, and taken over there, so that of two
// changes at once neither takes the other back.
class Change {
public:
    // Returns whether anything is to be written; writes the event that tells of it.
    using Edit = std::function<bool(store::OrganizationSession&, QueueRules&)>;
    Change(QueuePtr queue, Edit edit, Timestamp now) : queue_{std::move(queue)}, edit_{std::move(edit)}, now_{now} {}

    Result<void> operator()(store::OrganizationSession& tenant) const {
        crash_point("queue.before_write");
        auto rules = queue_repository::find(tenant, queue_->name).value_or(QueueRules{});
        if (!edit_(tenant, rules)) return success();
        queue_repository::save(tenant, queue_->name, rules, now_);
        tenant.publish(RulesSet{queue_, std::move(rules)});
        return success();
    }

private:
    QueuePtr queue_;
    Edit edit_;
    Timestamp now_;
};

} // namespace

QueueView Queues::view_of(const Queue& queue, QueueSnapshot::Queue snapshot) const {
    const auto rules = queue.rules();
    auto pause = rules->pause;
    if (pause && pause->until && *pause->until <= clock_.now()) pause.reset();
    const auto breaker = snapshot.breaker;
    return {queue.name, rules->settings, std::move(pause), std::move(snapshot), breaker};
}

awaitable<std::vector<QueueView>> Queues::list(OrganizationId organization) {
    auto snapshot = co_await dispatcher_.snapshot();
    std::vector<QueueView> views;
    for (auto& queue : snapshot.queues) {
        if (queue.organization != organization) continue;
        const auto entry = dispatcher_.table().find_queue(organization, queue.name);
        if (entry) views.push_back(view_of(*entry, std::move(queue))); // or it was given up meanwhile
    }
    co_return views;
}

awaitable<std::optional<QueueView>> Queues::find(OrganizationId organization, std::string name) {
    const auto queue = dispatcher_.table().find_queue(organization, name);
    if (!queue) co_return std::nullopt;
    auto snapshot = co_await dispatcher_.snapshot_of(queue);
    co_return view_of(*queue, std::move(snapshot));
}

awaitable<Result<void>> Queues::set(values::Principal who, std::string name, values::QueueSettings settings) {
    if (!dispatcher_.table().admits(who.organization, name)) co_return too_many;
    const auto queue = dispatcher_.table().queue(who.organization, name);
    if (settings.external != queue->rules()->settings.external) {
        const auto view = co_await find(who.organization, name);
        if (view && view->counts.running + view->counts.queued + view->counts.scheduled + view->counts.blocked > 0)
            co_return Error{Code::conflict, "\"external\" can be changed only while the queue has no jobs waiting or "
                                            "running; let it run empty first"};
    }
    Change::Edit edit = [settings = std::move(settings)](store::OrganizationSession&, QueueRules& rules) {
        rules.settings = settings;
        return true;
    };
    Change change{queue, std::move(edit), clock_.now()};
    auto saved = co_await database_.write(who.organization, std::move(change));
    if (saved) crash_point("queue.before_answer");
    co_return saved;
}

awaitable<Result<void>> Queues::pause(values::Principal who, std::string name, std::string reason,
                                      std::optional<Timestamp> until) {
    const auto now = clock_.now();
    if (until && *until <= now) co_return Error{Code::unprocessable, "\"until\" is in the past"};
    if (!dispatcher_.table().admits(who.organization, name)) co_return too_many;
    const auto queue = dispatcher_.table().queue(who.organization, name);
    Change::Edit edit = [queue, pause = values::Pause{now, until, std::move(reason), who.name}](
                            store::OrganizationSession& tenant, QueueRules& rules) {
        rules.pause = pause;
        json::object data{{"reason", pause.reason}, {"by", pause.actor}};
        if (pause.until) data["until"] = pause.until->text();
        events::write_event(tenant, "queue.paused", queue->name, data, pause.since);
        return true;
    };
    Change change{queue, std::move(edit), now};
    auto saved = co_await database_.write(who.organization, std::move(change));
    if (saved) crash_point("queue.before_answer");
    co_return saved;
}

awaitable<Result<void>> Queues::resume(values::Principal who, std::string name) {
    const auto queue = dispatcher_.table().find_queue(who.organization, name);
    if (!queue) co_return Error{Code::not_found, "there is no queue " + name};
    const auto now = clock_.now();
    Change::Edit edit = [queue, by = who.name, now](store::OrganizationSession& tenant, QueueRules& rules) {
        if (!rules.pause) return false;
        rules.pause.reset();
        events::write_event(tenant, "queue.resumed", queue->name, {{"by", by}}, now);
        return true;
    };
    Change change{queue, std::move(edit), now};
    auto saved = co_await database_.write(who.organization, std::move(change));
    if (saved) crash_point("queue.before_answer");
    co_return saved;
}

} // namespace millrace::jobs
