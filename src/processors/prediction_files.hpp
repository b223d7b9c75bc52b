// The files of a prediction (a map) go into the blob store, and their digests into its result.
#pragma once
#include "blobs/blob_store.hpp"
#include "inference/prediction.hpp"

#include <string>
#include <vector>

namespace millrace::processors {

struct StoredFile {
    values::BlobRef blob;
    std::string media_type;
};

// Afterwards prediction.result[name] is {"blob","media_type"} for each file. The rows in the catalogue are the
// caller's.
inline awaitable<Result<std::vector<StoredFile>>> store_files(blobs::BlobStore& blobs,
                                                              inference::Prediction& prediction,
                                                              blobs::Purpose purpose) {
    std::vector<StoredFile> stored;
    for (auto& file : prediction.files) {
        auto blob = co_await blobs.put_async(std::move(file.bytes), purpose);
        if (!blob) co_return blob.error();
        prediction.result[file.name] = json::object{{"blob", blob->sha256}, {"media_type", file.media_type}};
        stored.push_back({*blob, file.media_type});
    }
    co_return stored;
}

} // namespace millrace::processors
