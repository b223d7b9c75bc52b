// The running contests between candidates and production versions: what each did of what the traffic sent to it. A
// contest begins with its traffic. What production did in the hour before stands in for it while it has had less than
// min_samples since, so that a candidate with most of the traffic is judged, too. Thread-safe; who stores it is
// Rollout.
#pragma once
#include "async/guarded.hpp"
#include "base/clock.hpp"
#include "inference/prediction.hpp"
#include "models/counts.hpp"
#include "models/traffic.hpp"
#include "models/traffic/contest_repository.hpp"

#include <atomic>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace millrace::models {

struct Verdict {
    OrganizationId organization;
    std::string model;
    int revision = 0; // the traffic that is to end
    int candidate = 0;
    std::string reason;
};

class Contests {
public:
    explicit Contests(const Clock& clock) : clock_{clock} {}

    // Begins anew, or ends where there is no candidate to be judged.
    void begin(OrganizationId organization, const std::string& model, int revision, const Traffic& traffic);
    // What was stored of a contest that has begun, by time and before its first prediction. Of another revision:
    // nothing happens.
    void restore(const StoredContest& row);
    // The verdicts on what was restored: those that the last life did not carry out.
    std::vector<Verdict> review();

    // Counts a prediction that the traffic brought. A verdict is given once; if it could not be carried out, reopen():
    // the next prediction after a second gives it again. The candidate has lost from the verdict on, whatever becomes
    // of it.
    std::optional<Verdict> observe(const inference::ModelVersion& version, const Sample& sample);
    void reopen(const Verdict& verdict);
    bool has_lost(OrganizationId organization, const std::string& model, int version) const;

    // What changed since it was last taken, for the store; and back, where that failed.
    std::vector<StoredContest> take_changed();
    void put_back(const std::vector<StoredContest>& rows);
    // Whether so many predictions of a candidate were not taken yet that they should be now; once for each time.
    static constexpr int most_unsaved = 20;
    bool save_is_due() { return save_due_.exchange(false, std::memory_order_relaxed); }

private:
    struct Contest {
        Contest(int revision, int production, int candidate, RollbackPolicy policy);
        Counts production_counts(Timestamp now) const;
        std::optional<std::string> reason(Timestamp now) const;
        Window& window(ContestSide side) { return side == ContestSide::production ? of_production : of_candidate; }

        int revision = 0;
        int production = 0, candidate = 0; // 0: nobody is on trial
        RollbackPolicy policy;
        Window of_production, of_candidate; // the last hour
        Counts before;                      // of production, when the contest began
        Timestamp began{};
        bool before_changed = false;
        int unsaved = 0;
        bool lost = false, decided = false;
        Timestamp again_at{}; // not before: a verdict that could not be carried out
    };
    using Key = std::pair<OrganizationId, std::string>;
    using Map = std::map<Key, Contest>;

    static std::optional<Verdict> decide(const Key& key, Contest& contest, Timestamp now);

    const Clock& clock_;
    mutable async::Guarded<Map> contests_;
    std::atomic<bool> save_due_{false};
};

} // namespace millrace::models
