#include "api/jobs/job_json.hpp"

#include "base/json_text.hpp"

namespace millrace::api {

std::string write_why(const jobs::Explained& explained, Timestamp now) {
    const auto& [job, why, outlook, waits_for] = explained;
    json::object out{{"id", job.id.text()},
                     {"state", values::name(shown_state(job, now))},
                     {"reason", why.reason},
                     {"sentence", why.sentence}};
    if (!why.remedy.empty()) out["remedy"] = why.remedy;
    if (why.until) out["until"] = why.until->text();
    if (outlook.position) out["position"] = *outlook.position;
    if (outlook.progress_percent) out["progress_percent"] = *outlook.progress_percent;
    if (outlook.seconds_remaining) out["seconds_remaining"] = *outlook.seconds_remaining;
    if (!waits_for.empty()) {
        json::array parents;
        for (const auto& parent : waits_for)
            parents.push_back({{"id", parent.id.text()},
                               {"state", values::name(*parent.state)},
                               {"on_failure", values::name(parent.on_failure)}});
        out["waits_for"] = std::move(parents);
    }
    return millrace::json_text(out);
}

} // namespace millrace::api
