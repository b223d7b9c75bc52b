// Content-addressed files: <folder>/hot/ab/cd/<sha256>. A blob is there whole and durable, or not at all: it is
// written under <folder>/tmp while its digest is computed, flushed, and renamed into place.
//
// The rows that say who has a blob are somebody else's (catalog). A file is stored first and its row committed second,
// so a file without a row may be one whose row is on its way. Whoever removes a file therefore goes three steps:
// begin_removal(), look for a row, finish_removal(). What was stored is held by its BlobRef until the row is committed:
// a held file is not removed, and storing it again calls a removal that has begun off. The functions without
// `awaitable` block on the disk: call them on the files pool only.
//
// Damage is told: whoever reads a blob whole checks its digest, by open_verified() or with what report() is for, and no
// bytes are given out under a digest that is not theirs. A blob that was found damaged has a mark, an empty file
// <folder>/damaged/<sha256>, so that the next start knows it too. The mark goes when the blob is stored again, or read
// whole and found sound.
#pragma once
#include "async/guarded.hpp"
#include "async/thread_pool.hpp"
#include "base/crypto.hpp"
#include "base/descriptor.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"
#include "values/blob.hpp"

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace millrace::blobs {

class BlobStore;

// The reserve of free disk space (BlobOptions::min_free): what comes from outside leaves all of it, what running jobs
// bring at their end may use three quarters of it, and the rest is for the database.
enum class Purpose { upload, result };

// One blob being written. Not thread-safe. What is not finished is removed with the writer.
class BlobWriter {
public:
    BlobWriter(BlobWriter&&) noexcept;
    BlobWriter& operator=(BlobWriter&&) = delete;
    ~BlobWriter();

    // too_large past the limit; storage_full when the disk is, or when no more than the reserve would be left. After an
    // error the writer is good for nothing else.
    Result<void> write(std::span<const std::byte> piece);
    // Once. unprocessable, and nothing is kept, when `expected_sha256` (hex) is given and is not what was written.
    Result<values::BlobRef> finish(const std::optional<std::string>& expected_sha256 = std::nullopt);

private:
    friend class BlobStore;
    BlobWriter(BlobStore& store, Descriptor file, std::filesystem::path path, std::uint64_t limit, Purpose purpose);

    BlobStore* store_;
    Descriptor file_;
    std::filesystem::path path_; // empty: nothing to remove
    Sha256Stream digest_;
    std::uint64_t size_ = 0, limit_;
    Purpose purpose_;
};

// One blob coming in piece by piece on a coroutine; gathers small pieces, so that few of them cross threads.
class BlobUpload {
public:
    // `piece` is borrowed until this resumes.
    awaitable<Result<void>> write(std::span<const std::byte> piece);
    awaitable<Result<values::BlobRef>> finish(std::optional<std::string> expected_sha256 = std::nullopt);
    std::uint64_t size() const;

private:
    friend class BlobStore;
    struct State;
    explicit BlobUpload(std::shared_ptr<State> state) : state_{std::move(state)} {}
    std::shared_ptr<State> state_; // shared with the piece that a files thread is writing
};

struct OpenBlob {
    Descriptor file; // read-only, at offset 0
    std::uint64_t size = 0;
};

enum class Verdict { sound, missing, damaged };

struct BlobOptions {
    std::filesystem::path folder;                     // made if it is not there
    std::uint64_t max_size = std::uint64_t{64} << 30; // bytes of one blob; uploads may ask for less
    std::uint64_t min_free = 0;                       // bytes of the file system that uploads leave free
    std::function<std::uint64_t()>
        free{}; // bytes that are free there; asked before each write. Empty: the system is asked
};

// For whoever asked for a blob that was found damaged.
Error damaged_error(const std::string& sha256);

class BlobStore {
public:
    // Makes the folders and removes what unfinished writes have left. `files` and `log` outlive the store.
    static Result<std::unique_ptr<BlobStore>> open(BlobOptions options, async::ThreadPool& files, telemetry::Log& log,
                                                   telemetry::Metrics& metrics);
    ~BlobStore();

    Result<BlobWriter> create(std::uint64_t limit = UINT64_MAX, Purpose purpose = Purpose::upload);
    // nullopt when there is none of that name; internal when its size is not `expected_size`.
    Result<std::optional<OpenBlob>> open_blob(const std::string& sha256,
                                              std::optional<std::uint64_t> expected_size = std::nullopt) const;
    // The same once the whole file was read and found sound; internal, damaged_error(), when it was not.
    Result<std::optional<OpenBlob>> open_verified(const std::string& sha256,
                                                  std::optional<std::uint64_t> expected_size = std::nullopt);
    // Hashes the whole file, and reports what it found.
    Result<Verdict> verify(const std::string& sha256);
    // Who has read a blob whole says what it is. Logged, counted and told to on_damage() the first time that it is
    // damaged.
    void report(const std::string& sha256, bool sound);
    bool is_damaged(const std::string& sha256) const; // as far as is known; thread-safe, never blocks
    // Called on whichever thread reports. Set before the store is used; nothing it borrows may end before the last
    // read.
    void on_damage(std::function<void(const std::string& sha256)> told) { on_damage_ = std::move(told); }
    // False when it is held, or being removed by another.
    bool begin_removal(const std::string& sha256);
    void abandon_removal(const std::string& sha256);
    // After begin_removal(). False when it was stored again meanwhile, and stays.
    Result<bool> finish_removal(const std::string& sha256);
    // What was held and is no more since the last call: it has a row by now, or never will. Some thousands at most;
    // when there were more, `all_told` is false, and only stored_before() finds the others.
    struct Released {
        std::vector<std::string> digests;
        bool all_told = true;
    };
    Released take_released();
    // The files of one of the 256 first folders that were there before `time`: not those that are being stored now.
    std::vector<std::string> stored_before(std::uint8_t folder, std::filesystem::file_time_type time) const;
    // At once, for whoever knows that nobody is storing it. False when there is none.
    Result<bool> remove(const std::string& sha256);
    std::filesystem::path path_of(const std::string& sha256) const; // of a valid digest

    // The same from coroutines; unavailable when the files pool is full.
    BlobUpload begin_upload(std::uint64_t limit = UINT64_MAX);
    awaitable<Result<values::BlobRef>> put_async(std::string bytes, Purpose purpose = Purpose::upload);
    awaitable<Result<std::optional<OpenBlob>>> open_async(std::string sha256,
                                                          std::optional<std::uint64_t> expected_size = std::nullopt);
    awaitable<Result<std::optional<OpenBlob>>> open_verified_async(
        std::string sha256, std::optional<std::uint64_t> expected_size = std::nullopt);
    // The whole content, its digest checked; nullopt when there is none; too_large past `limit` bytes.
    awaitable<Result<std::optional<std::string>>> read_async(std::string sha256, std::uint64_t limit);

private:
    friend class BlobWriter;
    friend class BlobUpload;
    BlobStore(BlobOptions options, async::ThreadPool& files, telemetry::Log& log, telemetry::Metrics& metrics);
    Result<void> check_reserve(std::uint64_t bytes, Purpose purpose) const;
    Result<void> place(const std::filesystem::path& temporary, const std::string& sha256);
    Result<void> flush_parents(const std::filesystem::path& folder, std::size_t index);
    std::size_t sweep(); // returns how many files it removed
    void load_marks();
    void unmark(const std::string& sha256);
    std::shared_ptr<const void> hold(const std::string& sha256);

    BlobOptions options_;
    async::ThreadPool& files_;
    telemetry::Log& log_;
    telemetry::Counter& stored_;
    telemetry::Counter& stored_bytes_;
    telemetry::Histogram& finish_seconds_;
    telemetry::Gauge& damaged_count_;
    std::function<void(const std::string&)> on_damage_;
    mutable async::Guarded<std::set<std::string>> damaged_;
    async::Guarded<std::bitset<65536>> flushed_folders_; // ab/cd whose own entry is known to be on disk
    struct Holds;
    const std::shared_ptr<Holds> holds_; // shared with the BlobRefs, which may outlive the store
};

} // namespace millrace::blobs
