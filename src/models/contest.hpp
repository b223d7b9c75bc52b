// The running contest between a model's candidate and its production version, counted from the moment its traffic was set.
// Thread-safe.
#pragma once
#include "async/guarded.hpp"
#include "base/clock.hpp"
#include "inference/prediction.hpp"
#include "models/counts.hpp"
#include "models/traffic.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>

namespace millrace::models {

struct Verdict {
    OrganizationId organization;
    std::string model;
    int revision = 0;   // the traffic that is to end
    int candidate = 0;
    std::string reason;
};

class Contests {
public:
    explicit Contests(const Clock& clock) : clock_{clock} {}

    // Begins anew, or ends where there is no candidate to be judged.
    void begin(OrganizationId organization, const std::string& model, int revision, const Traffic& traffic);
    void end(OrganizationId organization, const std::string& model);
    // Counts a prediction that the traffic brought. A verdict is given once; if it could not be carried out, reopen().
    std::optional<Verdict> observe(const inference::ModelVersion& version, const Sample& sample);
    void reopen(const Verdict& verdict);

private:
    struct Contest {
        int revision = 0;
        int production = 0, candidate = 0;
        RollbackPolicy policy;
        Window of_production, of_candidate; // the last hour
        bool decided = false;
    };
    using Key = std::pair<OrganizationId, std::string>;

    const Clock& clock_;
    async::Guarded<std::map<Key, Contest>> contests_;
};

} // namespace millrace::models
