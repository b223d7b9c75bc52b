// The models that the engine has met. In the turn of its loop.
#pragma once
#include "inference/engine.hpp"
#include "inference/engine/batcher.hpp"
#include "inference/prediction.hpp"
#include "telemetry/metrics.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

namespace millrace::inference {

struct ModelEntry {
    using LoadDone = std::function<void(Result<CheckReport>)>;
    using UnloadDone = std::function<void(Result<void>)>;

    Batcher::ModelKey key = 0;
    std::shared_ptr<const ModelVersion> version; // shared with the requests that named it
    bool suspect = false;                        // a worker ended while this and other things were going on in it
    bool own = false;                            // served by workers of its own, never by the shared ones
    std::uint64_t memory_bytes = 0;              // the most that it was seen to take; before that its file's size
    Timestamp used_at;
    std::vector<LoadDone> loading;           // who waits until it may be used
    std::vector<UnloadDone> leaving;         // who waits until it is gone
    Monotonic load_deadline, leave_deadline; // of the ones who wait
    Monotonic renewed_at;                    // when a worker was replaced last because there was no memory for it
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

    // The entry of this version, made when it is new (`made` tells). Entries are never removed while the engine lives:
    // they are small, and their numbers must not be used twice.
    ModelEntry& find_or_add(const std::shared_ptr<const ModelVersion>& version, bool& made);
    ModelEntry* find(Batcher::ModelKey key) const;
    ModelEntry* find(const ModelVersion& version) const;
    std::vector<ModelEntry*> all();

private:
    telemetry::Metrics& metrics_;
    std::map<std::tuple<OrganizationId, std::string, std::string>, std::unique_ptr<ModelEntry>>
        entries_; // by organisation, name, version
    std::map<Batcher::ModelKey, ModelEntry*> by_key_;
};

} // namespace millrace::inference
