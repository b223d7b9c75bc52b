// Who keeps ending workers, and is not let near one for a while: an input of a model version, a model version, an
// organisation.
//
// A worker's end is recorded against the one that was found to be its cause. An input that ended several workers is
// held alone: the model goes on with its other inputs. A version that several different inputs (or its own loading)
// ended workers with is held as a whole. An organisation that does so with several versions is held too; that concerns
// those of its versions that have ended a worker, never the ones that have not. What is held is refused until its time
// is over. Then one request is let through as a probe: if the worker survives it, the hold is lifted; if not, it lasts
// twice as long.
//
// Whatever has ended a worker lately is "troubled", held or not: the scheduler serves it in a worker of its own.
//
// Pure: time comes in as a value, nothing blocks. Not thread-safe; lives with the scheduler. Memory is bounded by
// `rules`, and what has been quiet for `rules.memory` is forgotten.
#pragma once
#include "base/clock.hpp"
#include "base/id.hpp"

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace millrace::inference {

struct QuarantineRules {
    int input_ends = 3;   // workers that one input ended before it is held; as many failed loads hold a version
    int model_inputs = 5; // different inputs of one version, each of which ended a worker, before the version is held
    int organization_models = 3;  // versions with an end, and
    int organization_inputs = 12; // different inputs in all, before their organisation is held
    std::chrono::milliseconds first_hold{30'000}, longest_hold{3'600'000}; // first_hold 0: nothing is ever held
    std::chrono::milliseconds memory{600'000};          // of an end, and of a hold after its time is over
    std::size_t most_versions = 1024, most_inputs = 64; // remembered; of one version
};

class Quarantine {
public:
    enum class Kind { input, model, organization };

    // A model version. `digest` names one of its inputs; empty: the version was being loaded.
    struct Version {
        OrganizationId organization;
        std::string model, version;
        auto operator<=>(const Version&) const = default;
    };
    struct Verdict {
        bool refused = false;
        bool probe = false;                // let through to see: report how it ends
        Kind kind = Kind::input;           // refused: of what is held longest
        std::chrono::milliseconds wait{0}; // refused: until a probe may be let through; at least 1 s
    };
    struct Change { // for the log, the events and the metrics
        Kind kind = Kind::input;
        Version version;                   // of an organisation: the version that brought it about
        std::string digest;                // of an input
        bool held = true;                  // false: lifted
        int ends = 0;                      // workers ended by it, of which is remembered
        std::chrono::milliseconds wait{0}; // held: until the next probe
    };
    struct Held {
        Kind kind = Kind::input;
        Version version; // of an organisation: only the organisation counts
        std::string digest;
        int ends = 0;
        std::chrono::milliseconds wait{0}; // until the next probe; 0: one is awaited or under way
    };

    explicit Quarantine(QuarantineRules rules = {}) : rules_{rules} {}

    // Has this version ended a worker lately? Then its inputs have to be told apart (ask needs their digest), and it is
    // served by a worker of its own.
    bool is_troubled(const Version& version, Monotonic now) const;

    // Before a request of a troubled version waits for a batch.
    Verdict ask(const Version& version, const std::string& digest, Monotonic now);
    // A worker ended, and this was found to be the cause.
    std::vector<Change> ended(const Version& version, const std::string& digest, Monotonic now);
    // A worker had to be ended for the sake of this version, which did nothing wrong (it ran on for nobody): troubled,
    // not counted.
    void disturbed(const Version& version, Monotonic now);
    // How a probe ended that did not end a worker: it ran there, or it never came so far (withdrawn, expired).
    std::vector<Change> survived(const Version& version, const std::string& digest);
    void gave_up(const Version& version, const std::string& digest);
    // By hand: the version, its inputs, and its organisation with it.
    std::vector<Change> lift(const Version& version);

    std::vector<Held> held(Monotonic now) const;
    // Forgets what has been quiet for long. Asked for now and then.
    void forget(Monotonic now);
    std::size_t size() const { return versions_.size(); }

private:
    struct Hold {
        std::optional<Monotonic> until;      // none: not held
        std::chrono::milliseconds length{0}; // of the present one, or of the last
        bool probing = false;
    };
    struct Input {
        int ends = 0;
        Monotonic last;
        Hold hold;
    };
    struct Record {
        std::map<std::string, Input> inputs; // by digest
        int loads = 0;                       // that ended a worker
        Monotonic last;                      // end, or disturbance
        Hold hold;
    };
    using Versions = std::map<Version, Record>;

    Record& record_of(const Version& version, Monotonic now);
    Input& input_of(Record& record, const std::string& digest, Monotonic now);
    // Holds, or holds longer, what has reached its limit. Whether that is news.
    bool hold(Hold& hold, bool reached, Monotonic now) const;
    bool reaches_organization_limit(const OrganizationId& organization) const;
    static int ends_of(const Record& record);

    const QuarantineRules rules_;
    Versions versions_;
    std::map<OrganizationId, Hold> organizations_; // only of those that are, or were, held
};

std::string_view name(Quarantine::Kind kind); // "input" …

} // namespace millrace::inference
