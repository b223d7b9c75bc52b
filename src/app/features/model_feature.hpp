// Models: the engine that runs them, their versions, who answers for them, and what came of it.
#pragma once
#include "app/feature.hpp"
#include "app/features/blob_feature.hpp"
#include "app/foundations.hpp"
#include "inference/engine.hpp"
#include "models/breakers.hpp"
#include "models/feedback.hpp"
#include "models/registry.hpp"
#include "models/rollout.hpp"
#include "models/serving.hpp"
#include "models/version_stats.hpp"
#include "processors/infer/infer.hpp"

#include <memory>

namespace millrace::app {

class ModelFeature final : public Feature {
public:
    ModelFeature(Foundations& base, BlobFeature& blobs);

    void add_routes(http::Router& router) override;
    Result<void> load() override; // and begins to load the runtime
    void start() override;
    void stop(std::chrono::milliseconds patience) override;
    void report(api::Readiness& readiness) const override;

    inference::Engine& engine() { return engine_; }
    models::Feedback& feedback() { return feedback_; }
    jobs::Processor& processor() { return infer_; }

private:
    bool serves() const;           // whether predictions are answered now, for the Open Inference Protocol
    std::string no_engine() const; // why nothing can be predicted now; empty when it can
    void tell_of_damage();
    void write_quarantine(const inference::QuarantineStatus& change); // as an event; on the engine's thread

    Foundations& base_;
    BlobFeature& blobs_;
    inference::Engine engine_;
    std::unique_ptr<models::Trial> trial_;
    models::Registry registry_;
    std::unique_ptr<models::Runner> runner_;
    models::Breakers breakers_;
    models::VersionStats version_stats_;
    models::Rollout rollout_;
    models::Feedback feedback_;
    models::Serving serving_;
    processors::Infer infer_;
};

} // namespace millrace::app
