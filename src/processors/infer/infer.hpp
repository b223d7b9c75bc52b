// Kind `infer`: {"model","version"?,"sticky_key"?,"input"}, where input is {"blob":"<sha256>"} (a file stored before,
// or a part of the same request), {"base64":"…","media_type"?} for small ones, or tensors as JSON.
#pragma once
#include "async/thread_pool.hpp"
#include "blobs/blob_store.hpp"
#include "catalog/blob_catalog.hpp"
#include "jobs/processor.hpp"
#include "models/serving.hpp"

#include <functional>
#include <string>

namespace millrace::processors {

// A payload that was read.
struct InferCall {
    std::string model;
    std::optional<std::string> version;
    std::string sticky_key; // empty: the job's id, so that all its attempts fall on one side
    std::string blob;       // whose file is the input; empty: `input` is
    inference::Input input;
};

class Infer final : public jobs::Processor {
public:
    // Borrows everything.
    // `no_engine`: why nothing can be predicted now; empty when it can.
    Infer(models::Serving& serving, blobs::BlobStore& blobs, catalog::BlobCatalog& catalog, async::ThreadPool& work,
          const Clock& clock, std::function<std::string()> no_engine)
        : serving_{serving},
          blobs_{blobs},
          catalog_{catalog},
          work_{work},
          clock_{clock},
          no_engine_{std::move(no_engine)} {}

    std::string_view kind() const override { return "infer"; }
    // Enough for the batcher to fill the next batches while the present ones run.
    std::size_t concurrency() const override { return 256; }
    Result<void> check(OrganizationId organization, const boost::json::value& payload) const override;
    std::string resource(const boost::json::value& payload) const override; // the model
    std::string obstacle(OrganizationId organization, std::string_view model) const override;
    awaitable<jobs::Outcome> run(jobs::Attempt attempt) override;

private:
    awaitable<Result<InferCall>> read(std::string payload);
    awaitable<Result<inference::Input>> open_blob(OrganizationId organization, std::string sha256);

    models::Serving& serving_;
    blobs::BlobStore& blobs_;
    catalog::BlobCatalog& catalog_;
    async::ThreadPool& work_; // reads large payloads
    const Clock& clock_;
    std::function<std::string()> no_engine_;
};

} // namespace millrace::processors
