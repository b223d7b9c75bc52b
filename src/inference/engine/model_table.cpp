#include "inference/engine/model_table.hpp"

namespace millrace::inference {

ModelEntry& ModelTable::find_or_add(const std::shared_ptr<const ModelVersion>& version, bool& made) {
    auto& slot = entries_[{version->organization, version->name, version->version}];
    made = !slot;
    if (made) {
        slot = std::make_unique<ModelEntry>();
        slot->key = static_cast<Batcher::ModelKey>(by_key_.size() + 1);
        const telemetry::Labels labels{
            {"organization", version->organization.text()}, {"model", version->name}, {"version", version->version}};
        slot->metrics = {
            &metrics_.counter("millrace_inference_items_total", "Inputs that were predicted.", labels),
            &metrics_.counter("millrace_inference_failures_total", "Inputs whose prediction failed.", labels),
            &metrics_.counter("millrace_inference_batches_total", "Batches that the worker finished.", labels),
            &metrics_.histogram("millrace_inference_queue_seconds", "Time an input waits for its batch.", labels),
            &metrics_.histogram("millrace_inference_run_seconds", "Time of the forward pass that an input was in.",
                                labels)};
        by_key_[slot->key] = slot.get();
    }
    slot->version = version; // the newest manifest and path of the same file
    return *slot;
}

ModelEntry* ModelTable::find(Batcher::ModelKey key) const {
    const auto found = by_key_.find(key);
    return found == by_key_.end() ? nullptr : found->second;
}

ModelEntry* ModelTable::find(const ModelVersion& version) const {
    const auto found = entries_.find({version.organization, version.name, version.version});
    return found == entries_.end() ? nullptr : found->second.get();
}

std::vector<ModelEntry*> ModelTable::all() {
    std::vector<ModelEntry*> list;
    for (auto& [key, entry] : by_key_) list.push_back(entry);
    return list;
}

} // namespace millrace::inference
