// Which organisation has which blob, and for how long: the rows beside the files of the blobs room. A file is written
// first and its row second, so a row always has its file; a row goes first and its file second (BlobSweeper).
#pragma once
#include "base/clock.hpp"
#include "store/database.hpp"
#include "values/blob.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace millrace::catalog {

struct BlobRow {
    values::BlobRef blob;
    std::string media_type, tier;
    Timestamp created_at;
};

// What a blob is kept for. Of several reasons the strongest counts, in this order.
struct Kept {
    enum class For {
        user,       // somebody stored it: until somebody deletes it
        prediction, // a synchronous prediction brought it: until `until`, and as long as a job refers to it
        job,        // a job came with it or brought it: as long as a job refers to it
    };
    For reason = For::user;
    Timestamp until{}; // of a prediction
};

// For transactions that also write something else: a job with its files, a result with its map. The rows that say which
// job refers to it are jobs::job_blobs.
void add(store::OrganizationSession& tenant, const values::BlobRef& blob, const std::string& media_type, Kept kept,
         Timestamp now);

// Who has it; on a store thread.
std::vector<OrganizationId> owners_of(store::SystemSession& session, const std::string& sha256);

// Thread-safe; coroutines resume on the caller's executor.
class BlobCatalog {
public:
    BlobCatalog(store::Database& database, const Clock& clock) : database_{database}, clock_{clock} {}

    awaitable<Result<void>> add(OrganizationId organization, values::BlobRef blob, std::string media_type,
                                Kept kept = {});
    awaitable<Result<std::optional<BlobRow>>> find(OrganizationId organization, std::string sha256);
    // The same, and `then` with the row, on the reader's thread: what a job does with its blob needs no change of
    // threads more. `then` must be quick; its error is the answer.
    using Then = std::function<Result<void>(const BlobRow&)>;
    awaitable<Result<std::optional<BlobRow>>> find(OrganizationId organization, std::string sha256, Then then);
    // The organisation's row; the file, when nobody else has it, is then left to the sweeper. not_found; conflict while
    // a job that has not ended or a schedule refers to it.
    awaitable<Result<void>> remove(OrganizationId organization, std::string sha256);

private:
    store::Database& database_;
    const Clock& clock_;
};

} // namespace millrace::catalog
