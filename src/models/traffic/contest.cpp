#include "models/traffic/contest.hpp"

#include "base/json.hpp"
#include "base/json_text.hpp"
#include "models/traffic/rollback_rule.hpp"

namespace millrace::models {
namespace {

constexpr std::chrono::minutes span{1};
constexpr std::size_t spans = 60;
constexpr std::chrono::seconds between_attempts{1};

} // namespace

Contests::Contest::Contest(int revision_, int production_, int candidate_, RollbackPolicy policy_)
    : revision{revision_},
      production{production_},
      candidate{candidate_},
      policy{policy_},
      of_production{span, spans},
      of_candidate{span, spans} {}

Counts Contests::Contest::production_counts(Timestamp now) const {
    auto counts = of_production.total(now);
    if (counts.predictions < policy.min_samples) counts.add(before);
    return counts;
}

std::optional<std::string> Contests::Contest::reason(Timestamp now) const {
    return reason_to_roll_back(policy, production_counts(now), of_candidate.total(now));
}

void Contests::begin(OrganizationId organization, const std::string& model, int revision, const Traffic& traffic) {
    const auto now = clock_.now();
    const bool judged = traffic.production && traffic.candidate && traffic.rollback;
    Contest next{revision, traffic.production.value_or(0), judged ? traffic.candidate->version : 0,
                 traffic.rollback.value_or(RollbackPolicy{})};
    next.began = now;
    auto contests = contests_.lock();
    const auto at = contests->find({organization, model});
    if (at != contests->end() && at->second.production == next.production) {
        next.before = at->second.of_production.total(now);
        if (next.before.predictions == 0) next.before = at->second.before;
        next.before_changed = judged && next.before.predictions > 0;
    }
    contests->insert_or_assign({organization, model}, std::move(next));
}

void Contests::restore(const StoredContest& row) {
    const auto counts = parse_json(row.counts);
    if (!counts) return; // what cannot be read was not counted
    auto contests = contests_.lock();
    const auto at = contests->find({row.organization, row.model});
    if (at == contests->end() || at->second.revision != row.revision) return;
    if (row.side == ContestSide::before) at->second.before = Counts::from_json(*counts);
    else at->second.window(row.side).restore(row.since, Counts::from_json(*counts));
}

std::vector<Verdict> Contests::review() {
    const auto now = clock_.now();
    std::vector<Verdict> verdicts;
    auto contests = contests_.lock();
    for (auto& [key, contest] : *contests)
        if (auto verdict = decide(key, contest, now)) verdicts.push_back(std::move(*verdict));
    return verdicts;
}

std::optional<Verdict> Contests::decide(const Key& key, Contest& contest, Timestamp now) {
    if (contest.candidate == 0 || contest.decided || now < contest.again_at) return std::nullopt;
    auto reason = contest.reason(now);
    if (!reason) return std::nullopt;
    contest.lost = contest.decided = true;
    return Verdict{key.first, key.second, contest.revision, contest.candidate, std::move(*reason)};
}

std::optional<Verdict> Contests::observe(const inference::ModelVersion& version, const Sample& sample) {
    const auto now = clock_.now();
    const auto number = version_number(version.version).value_or(0);
    auto contests = contests_.lock();
    auto at = contests->find({version.organization, version.name});
    // A model whose traffic was never set: what answers is in production.
    if (at == contests->end() || (at->second.revision == 0 && at->second.production != number))
        at = contests->insert_or_assign({version.organization, version.name}, Contest{0, number, 0, RollbackPolicy{}})
                 .first;
    auto& contest = at->second;
    if (number == contest.production) {
        contest.of_production.at(now).add(sample);
        // Production is not on trial; its predictions only give a verdict again that could not be carried out.
        return contest.lost ? decide(at->first, contest, now) : std::nullopt;
    }
    if (number != contest.candidate) return std::nullopt;
    contest.of_candidate.at(now).add(sample);
    if (++contest.unsaved >= most_unsaved && contest.of_candidate.total(now).predictions <= contest.policy.min_samples)
        save_due_ = true;
    return decide(at->first, contest, now);
}

void Contests::reopen(const Verdict& verdict) {
    auto contests = contests_.lock();
    const auto at = contests->find({verdict.organization, verdict.model});
    if (at == contests->end() || at->second.revision != verdict.revision) return;
    at->second.decided = false;
    at->second.again_at = clock_.now() + between_attempts;
}

bool Contests::has_lost(OrganizationId organization, const std::string& model, int version) const {
    const auto contests = contests_.lock();
    const auto at = contests->find({organization, model});
    return at != contests->end() && at->second.candidate == version && at->second.lost;
}

std::vector<StoredContest> Contests::take_changed() {
    const auto now = clock_.now();
    std::vector<StoredContest> rows;
    auto contests = contests_.lock();
    // Nobody is on trial, and nobody asks for it: it may have been deleted.
    std::erase_if(*contests, [oldest = now - span * static_cast<int>(spans)](auto& each) {
        const auto& kept = each.second.of_production.spans();
        return each.second.candidate == 0 && (kept.empty() || kept.back().since < oldest);
    });
    for (auto& each : *contests) {
        const auto& key = each.first;
        auto& contest = each.second;
        if (contest.candidate == 0) continue;
        const auto take = [&](ContestSide side, Timestamp since, const Counts& counts) {
            rows.push_back({key.first, key.second, contest.revision, side, since, json_text(counts.to_json())});
        };
        if (std::exchange(contest.before_changed, false)) take(ContestSide::before, contest.began, contest.before);
        for (const auto side : {ContestSide::production, ContestSide::candidate})
            for (auto& part : contest.window(side).spans())
                if (std::exchange(part.changed, false)) take(side, part.since, part.counts);
        contest.unsaved = 0;
    }
    return rows;
}

void Contests::put_back(const std::vector<StoredContest>& rows) {
    auto contests = contests_.lock();
    for (const auto& row : rows) {
        const auto at = contests->find({row.organization, row.model});
        if (at == contests->end() || at->second.revision != row.revision) continue;
        if (row.side == ContestSide::before) at->second.before_changed = true;
        else
            for (auto& each : at->second.window(row.side).spans())
                if (each.since == row.since) each.changed = true;
    }
}

} // namespace millrace::models
