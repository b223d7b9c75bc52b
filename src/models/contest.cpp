#include "models/contest.hpp"

#include "models/rollback_rule.hpp"

namespace millrace::models {
namespace {

constexpr std::chrono::minutes span{1};
constexpr std::size_t spans = 60;

} // namespace

void Contests::begin(OrganizationId organization, const std::string& model, int revision, const Traffic& traffic) {
    const bool judged = traffic.production && traffic.candidate && traffic.rollback;
    if (!judged) return end(organization, model);
    contests_.lock()->insert_or_assign({organization, model}, Contest{revision, *traffic.production, traffic.candidate->version, *traffic.rollback,
                                                                      Window{span, spans}, Window{span, spans}});
}

void Contests::end(OrganizationId organization, const std::string& model) { contests_.lock()->erase({organization, model}); }

std::optional<Verdict> Contests::observe(const inference::ModelVersion& version, const Sample& sample) {
    const auto now = clock_.now();
    auto contests = contests_.lock();
    const auto at = contests->find({version.organization, version.name});
    if (at == contests->end()) return std::nullopt;
    auto& contest = at->second;
    const auto number = version_number(version.version);
    if (number == contest.production) contest.of_production.at(now).add(sample);
    else if (number == contest.candidate) contest.of_candidate.at(now).add(sample);
    else return std::nullopt;
    if (contest.decided || number != contest.candidate) return std::nullopt;
    auto reason = reason_to_roll_back(contest.policy, contest.of_production.total(now), contest.of_candidate.total(now));
    if (!reason) return std::nullopt;
    contest.decided = true;
    return Verdict{version.organization, version.name, contest.revision, contest.candidate, std::move(*reason)};
}

void Contests::reopen(const Verdict& verdict) {
    auto contests = contests_.lock();
    const auto at = contests->find({verdict.organization, verdict.model});
    if (at != contests->end() && at->second.revision == verdict.revision) at->second.decided = false;
}

} // namespace millrace::models
