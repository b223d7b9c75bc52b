// Which organisation has which blob: the rows beside the files of the blobs room. A file is written first and
// its row second, so a row always has its file.
#pragma once
#include "base/clock.hpp"
#include "model/blob.hpp"
#include "store/database.hpp"

#include <functional>
#include <optional>
#include <string>

namespace millrace::catalog {

struct BlobRow {
    model::BlobRef blob;
    std::string media_type, tier;
    Timestamp created_at;
};

// For transactions that also write something else: a job with its files, a result with its map.
void add(store::Session& session, OrganizationId organization, const model::BlobRef& blob, const std::string& media_type, Timestamp now);

// Thread-safe; coroutines resume on the caller's executor.
class BlobCatalog {
public:
    BlobCatalog(store::Database& database, const Clock& clock) : database_{database}, clock_{clock} {}

    // False when the organisation had it already.
    awaitable<Result<bool>> add(OrganizationId organization, model::BlobRef blob, std::string media_type);
    awaitable<Result<std::optional<BlobRow>>> find(OrganizationId organization, std::string sha256);
    // The same, and `then` with the row, on the reader's thread: what a job does with its blob needs no change of threads more.
    // `then` must be quick; its error is the answer.
    using Then = std::function<Result<void>(const BlobRow&)>;
    awaitable<Result<std::optional<BlobRow>>> find(OrganizationId organization, std::string sha256, Then then);

private:
    store::Database& database_;
    const Clock& clock_;
};

} // namespace millrace::catalog
