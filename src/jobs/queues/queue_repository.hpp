// The SQL of queues' settings and pauses. Inside store tasks.
#pragma once
#include "jobs/queues/queue_table.hpp"
#include "store/database.hpp"

#include <functional>

namespace millrace::jobs::queue_repository {

void save(store::OrganizationSession& session, const std::string& name, const QueueRules& rules, Timestamp now);
std::optional<QueueRules> find(store::OrganizationSession& session, const std::string& name);
void each(store::SystemSession& session,
          const std::function<void(const OrganizationId&, std::string_view name, QueueRules)>& visit);

} // namespace millrace::jobs::queue_repository
