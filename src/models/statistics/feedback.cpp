#include "models/feedback.hpp"

namespace millrace::models {

using store::OrganizationSession;

awaitable<Result<void>> Feedback::give(values::Principal who, FeedbackNote note) {
    auto write = [who, note](OrganizationSession& tenant) -> Result<void> {
        tenant.execute("INSERT INTO feedback (organization_id, job_id, model, version, predicted, actual, correct, "
                       "given_by, given_at) "
                       "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (organization_id, job_id) DO UPDATE "
                       "SET model = excluded.model, "
                       "version = excluded.version, predicted = excluded.predicted, actual = excluded.actual, correct "
                       "= excluded.correct, "
                       "given_by = excluded.given_by, given_at = excluded.given_at",
                       {note.job, note.model, note.version, note.predicted, note.actual, note.correct, who.name,
                        note.at});
        return success();
    };
    co_return co_await database_.write(who.organization, std::move(write));
}

awaitable<Result<std::map<int, FeedbackCount>>> Feedback::count(OrganizationId organization, std::string model) {
    auto read = [model](OrganizationSession& tenant) -> Result<std::map<int, FeedbackCount>> {
        auto rows = tenant.query("SELECT version, correct, count(*) FROM feedback WHERE organization_id = $1 AND model "
                                 "= $2 GROUP BY version, correct",
                                 {model});
        std::map<int, FeedbackCount> counts;
        while (rows.next()) {
            auto& count = counts[static_cast<int>(rows.integer(0))];
            const auto n = static_cast<std::uint64_t>(rows.integer(2));
            count.count += n;
            if (rows.boolean(1)) count.correct += n;
        }
        return counts;
    };
    co_return co_await database_.read(organization, std::move(read));
}

} // namespace millrace::models
