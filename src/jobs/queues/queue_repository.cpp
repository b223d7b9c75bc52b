#include "jobs/queues/queue_repository.hpp"

#include "base/json.hpp"
#include "base/json_text.hpp"

namespace millrace::jobs::queue_repository {
namespace {

constexpr store::Sql upsert_queue{
    "INSERT INTO queues (organization_id, name, settings, paused_at, paused_until, paused_by, pause_reason, "
    "updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
    "ON CONFLICT (organization_id, name) DO UPDATE SET settings = excluded.settings, paused_at = excluded.paused_at, "
    "paused_until = excluded.paused_until, "
    "paused_by = excluded.paused_by, pause_reason = excluded.pause_reason, updated_at = excluded.updated_at"};
constexpr store::Sql select_queue{"SELECT settings, paused_at, paused_until, paused_by, pause_reason FROM queues WHERE "
                                  "organization_id = $1 AND name = $2"};
constexpr store::Sql select_queues{
    "SELECT settings, paused_at, paused_until, paused_by, pause_reason, organization_id, name FROM queues"};

QueueRules read_rules(store::Rows& rows) {
    QueueRules rules;
    if (auto settings = values::QueueSettings::from_json(parse_json(rows.text(0)).value()))
        rules.settings = std::move(*settings);
    if (!rows.is_null(1)) rules.pause = values::Pause{rows.time(1), rows.maybe_time(2), rows.string(4), rows.string(3)};
    return rules;
}

} // namespace

void save(store::OrganizationSession& session, const std::string& name, const QueueRules& rules, Timestamp now) {
    const auto& pause = rules.pause;
    const auto settings = json_text(rules.settings.to_json());
    const auto since = pause ? std::optional{pause->since} : std::nullopt;
    session.execute(upsert_queue, {name, settings, since, pause ? pause->until : std::nullopt,
                                   pause ? store::Value{pause->actor} : store::Value{nullptr},
                                   pause ? store::Value{pause->reason} : store::Value{nullptr}, now});
}

std::optional<QueueRules> find(store::OrganizationSession& session, const std::string& name) {
    auto rows = session.query(select_queue, {name});
    return rows.next() ? std::optional{read_rules(rows)} : std::nullopt;
}

void each(store::SystemSession& session,
          const std::function<void(const OrganizationId&, std::string_view, QueueRules)>& visit) {
    auto rows = session.query(select_queues);
    while (rows.next()) visit(rows.id<OrganizationId>(5), rows.text(6), read_rules(rows));
}

} // namespace millrace::jobs::queue_repository
