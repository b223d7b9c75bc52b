// What each model version has done since the start, in the terms of the Open Inference Protocol's statistics.
// Thread-safe.
#pragma once
#include "async/guarded.hpp"
#include "base/clock.hpp"
#include "inference/engine.hpp"

#include <map>
#include <string>
#include <tuple>

namespace millrace::inference {

// One answered request; milliseconds.
struct Answered {
    double queue_ms = 0, decode_ms = 0, infer_ms = 0, encode_ms = 0, total_ms = 0;
    int rows = 1, batch_rows = 1; // its own, and those of the pass it was in
};

class Statistics {
public:
    void waits(const ModelVersion& version, int change); // +1: taken in, -1: answered
    void succeeded(const std::shared_ptr<const ModelVersion>& version, const Answered& answered, Timestamp at);
    void failed(const std::shared_ptr<const ModelVersion>& version, FailureReason reason, double total_ms);
    void cached(const std::shared_ptr<const ModelVersion>& version, bool hit, std::chrono::nanoseconds took);
    std::vector<ModelStatistics> all() const;

private:
    struct Figures {
        ModelStatistics shown;
        double passes = 0;                                // shares of passes, summed up
        std::map<int, std::pair<double, double>> batches; // by rows: passes, milliseconds
    };
    using Key = std::tuple<OrganizationId, std::string, std::string>;
    static Key key(const ModelVersion& version) { return {version.organization, version.name, version.version}; }

    mutable async::Guarded<std::map<Key, Figures>> models_;
};

} // namespace millrace::inference
