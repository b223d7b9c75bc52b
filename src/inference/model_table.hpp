// The models that the engine has met, and what is known of each in the worker. On the engine's thread.
#pragma once
#include "inference/batcher.hpp"
#include "inference/frame.hpp"
#include "inference/prediction.hpp"
#include "telemetry/metrics.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace millrace::inference {

struct ModelEntry {
    enum class State { absent, loading, ready, failed };

    Batcher::ModelKey key = 0;
    std::shared_ptr<const ModelVersion> version; // shared with the requests that named it
    State state = State::absent;
    std::string error;                           // failed
    Monotonic failed_at, load_deadline;
    struct {
        telemetry::Counter* items = nullptr;
        telemetry::Counter* failures = nullptr;
        telemetry::Counter* batches = nullptr;
        telemetry::Histogram* queue = nullptr;
        telemetry::Histogram* infer = nullptr;
    } metrics;

    std::string title() const { return version->name + "/" + version->version; }
};

class ModelTable {
public:
    explicit ModelTable(telemetry::Metrics& metrics) : metrics_{metrics} {}

    // The entry of this version, made when it is new (`made` tells). Entries are never removed while the engine lives: they
    // are small, and their numbers must not be used twice.
    ModelEntry& find_or_add(const std::shared_ptr<const ModelVersion>& version, bool& made);
    ModelEntry* find(Batcher::ModelKey key);
    std::vector<ModelEntry*> all();
    std::vector<std::string> ready_titles() const;

private:
    telemetry::Metrics& metrics_;
    std::map<std::tuple<OrganizationId, std::string, std::string>, std::unique_ptr<ModelEntry>>
        entries_; // by organisation, name, version
    std::map<Batcher::ModelKey, ModelEntry*> by_key_;
};

} // namespace millrace::inference
