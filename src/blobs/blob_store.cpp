#include "blobs/blob_store.hpp"

#include "base/crash_point.hpp"
#include "base/encoding.hpp"
#include "base/id.hpp"
#include "blobs/files.hpp"

#include <cerrno>
#include <map>
#include <set>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace millrace::blobs {
namespace {

using std::filesystem::path;

// blobs/tmp is on the same file system as what is renamed out of it.
path temporary_folder(const path& folder) { return folder / "tmp"; }
path hot_folder(const path& folder) { return folder / "hot"; }
path marks_folder(const path& folder) { return folder / "damaged"; }

constexpr std::size_t most_released = 4096;

} // namespace

// What is on its way into a row, and what is on its way off the disk; nothing is both.
struct BlobStore::Holds {
    struct State {
        std::map<std::string, int> held;
        std::set<std::string> leaving;
        Released released;
    };
    async::Guarded<State> state;
};

BlobWriter::BlobWriter(BlobStore& store, Descriptor file, path path, std::uint64_t limit, Purpose purpose)
    : store_{&store},
      file_{std::move(file)},
      path_{std::move(path)},
      limit_{limit},
      purpose_{purpose} {}

BlobWriter::BlobWriter(BlobWriter&& other) noexcept
    : store_{other.store_},
      file_{std::move(other.file_)},
      path_{std::exchange(other.path_, {})},
      digest_{std::move(other.digest_)},
      size_{other.size_},
      limit_{other.limit_},
      purpose_{other.purpose_} {}

BlobWriter::~BlobWriter() {
    if (!path_.empty()) ::unlink(path_.c_str());
}

Result<void> BlobWriter::write(std::span<const std::byte> piece) {
    if (piece.size() > limit_ - size_)
        return Error{Code::too_large, "more than the " + std::to_string(limit_) + " bytes that are accepted here"};
    if (auto room = store_->check_reserve(piece.size(), purpose_); !room) return room;
    digest_.update(piece);
    size_ += piece.size();
    return write_all(file_.get(), piece);
}

Result<values::BlobRef> BlobWriter::finish(const std::optional<std::string>& expected_sha256) {
    const auto start = std::chrono::steady_clock::now();
    values::BlobRef blob{hex(digest_.finish()), size_};
    if (expected_sha256 && *expected_sha256 != blob.sha256)
        return Error{Code::unprocessable,
                     "the content has SHA-256 " + blob.sha256 + ", not " + *expected_sha256 + "; nothing was kept"};
    crash_point("blobs.before_flush");
    if (auto flushed = flush(file_.get()); !flushed) return flushed.error();
    file_.reset();
    blob.held = store_->hold(blob.sha256);
    if (auto placed = store_->place(path_, blob.sha256); !placed) return placed.error();
    path_.clear();
    store_->stored_.add();
    store_->stored_bytes_.add(size_);
    store_->finish_seconds_.observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    return blob;
}

Result<std::unique_ptr<BlobStore>> BlobStore::open(BlobOptions options, async::ThreadPool& files, telemetry::Log& log,
                                                   telemetry::Metrics& metrics) {
    for (const auto& folder :
         {temporary_folder(options.folder), hot_folder(options.folder), marks_folder(options.folder)}) {
        std::error_code failed;
        std::filesystem::create_directories(folder, failed);
        if (failed) return Error{Code::unavailable, "cannot make " + folder.string() + ": " + failed.message()};
    }
    for (const auto& folder : {options.folder, options.folder.parent_path()})
        if (auto flushed = flush_folder(folder); !flushed) return flushed.error();
    std::unique_ptr<BlobStore> store{new BlobStore{std::move(options), files, log, metrics}};
    if (const auto swept = store->sweep(); swept > 0) log.info("unfinished blobs removed", {{"files", swept}});
    store->load_marks();
    return store;
}

BlobStore::BlobStore(BlobOptions options, async::ThreadPool& files, telemetry::Log& log, telemetry::Metrics& metrics)
    : options_{std::move(options)},
      files_{files},
      log_{log},
      stored_{metrics.counter("millrace_blobs_stored_total", "Blobs stored")},
      stored_bytes_{metrics.counter("millrace_blobs_stored_bytes_total", "Bytes of stored blobs")},
      finish_seconds_{
          metrics.histogram("millrace_blobs_finish_seconds", "Time to flush a blob and put it in its place")},
      damaged_count_{metrics.gauge("millrace_blobs_damaged",
                                   "Files that are known not to have the bytes of their digest any more",
                                   {{"folder", options_.folder.filename().string()}})},
      holds_{std::make_shared<Holds>()} {}

BlobStore::~BlobStore() = default;

std::size_t BlobStore::sweep() {
    std::size_t count = 0;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator{temporary_folder(options_.folder), ignored})
        if (std::filesystem::remove(entry.path(), ignored)) ++count;
    return count;
}

path BlobStore::path_of(const std::string& sha256) const {
    return hot_folder(options_.folder) / sha256.substr(0, 2) / sha256.substr(2, 2) / sha256;
}

// The file system knows what others have written meanwhile, so it is asked before each piece: two microseconds.
Result<void> BlobStore::check_reserve(std::uint64_t bytes, Purpose purpose) const {
    if (options_.min_free == 0) return success();
    std::error_code failed;
    const auto free = options_.free ? options_.free() : std::filesystem::space(options_.folder, failed).available;
    const auto kept = purpose == Purpose::upload ? options_.min_free : options_.min_free / 4;
    if (failed || free >= kept + bytes) return success();
    return Error{Code::storage_full,
                 "no more is stored: " + std::to_string(kept >> 20) +
                     " MiB of the disk are kept free (jobs.min_free_bytes); delete "
                     "blobs or old jobs, or make room on the disk",
                 60};
}

Result<BlobWriter> BlobStore::create(std::uint64_t limit, Purpose purpose) {
    auto name = temporary_folder(options_.folder) / Uuid::make().text();
    Descriptor file{::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!file) return system_error("cannot make " + name.string());
    return BlobWriter{*this, std::move(file), std::move(name), std::min(limit, options_.max_size), purpose};
}

// The rename replaces a blob that is there already: its content is the same.
Result<void> BlobStore::place(const path& temporary, const std::string& sha256) {
    const auto target = path_of(sha256);
    const auto folder = target.parent_path();
    std::error_code failed;
    std::filesystem::create_directories(folder, failed);
    if (failed) return Error{error_code(failed.value()), "cannot make " + folder.string() + ": " + failed.message()};
    crash_point("blobs.before_rename");
    if (::rename(temporary.c_str(), target.c_str()) != 0)
        return system_error("cannot put " + target.string() + " in its place");
    crash_point("blobs.after_rename");
    if (auto flushed = flush_folder(folder); !flushed) return flushed;
    if (is_damaged(sha256)) unmark(sha256);
    return flush_parents(folder, std::stoul(sha256.substr(0, 4), nullptr, 16));
}

// Once a folder and process: that a folder exists does not say that whoever made it got as far as the flush.
Result<void> BlobStore::flush_parents(const path& folder, std::size_t index) {
    if (flushed_folders_.lock()->test(index)) return success();
    for (const auto& parent : {folder.parent_path(), folder.parent_path().parent_path()})
        if (auto flushed = flush_folder(parent); !flushed) return flushed;
    flushed_folders_.lock()->set(index);
    return success();
}

Result<std::optional<OpenBlob>> BlobStore::open_blob(const std::string& sha256,
                                                     std::optional<std::uint64_t> expected_size) const {
    if (!is_sha256_hex(sha256)) return std::optional<OpenBlob>{};
    const auto name = path_of(sha256);
    Descriptor file{::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    if (!file) {
        if (errno == ENOENT) return std::optional<OpenBlob>{};
        return system_error("cannot open blob " + sha256);
    }
    struct stat found {};
    if (::fstat(file.get(), &found) != 0) return system_error("cannot look at blob " + sha256);
    const auto size = static_cast<std::uint64_t>(found.st_size);
    if (expected_size && *expected_size != size) {
        log_.error("a blob has the wrong size", {{"sha256", sha256}, {"expected", *expected_size}, {"found", size}});
        return damaged_error(sha256);
    }
    return std::optional<OpenBlob>{OpenBlob{std::move(file), size}};
}

std::shared_ptr<const void> BlobStore::hold(const std::string& sha256) {
    {
        auto state = holds_->state.lock();
        ++state->held[sha256];
        state->leaving.erase(sha256);
    }
    return {nullptr, [holds = holds_, sha256](const void*) {
                auto state = holds->state.lock();
                const auto at = state->held.find(sha256);
                if (--at->second > 0) return;
                state->held.erase(at);
                if (state->released.digests.size() < most_released) state->released.digests.push_back(sha256);
                else state->released.all_told = false;
            }};
}

BlobStore::Released BlobStore::take_released() { return std::exchange(holds_->state.lock()->released, {}); }

std::vector<std::string> BlobStore::stored_before(std::uint8_t folder, std::filesystem::file_time_type time) const {
    std::vector<std::string> found;
    std::error_code failed;
    const auto first = hot_folder(options_.folder) / hex(std::as_bytes(std::span{&folder, 1}));
    for (std::filesystem::recursive_directory_iterator at{first, failed}, end; !failed && at != end;
         at.increment(failed)) {
        auto name = at->path().filename().string();
        std::error_code ignored;
        if (is_sha256_hex(name) && at->last_write_time(ignored) < time) found.push_back(std::move(name));
    }
    return found;
}

bool BlobStore::begin_removal(const std::string& sha256) {
    auto state = holds_->state.lock();
    return !state->held.contains(sha256) && state->leaving.insert(sha256).second;
}

void BlobStore::abandon_removal(const std::string& sha256) { holds_->state.lock()->leaving.erase(sha256); }

Result<bool> BlobStore::finish_removal(const std::string& sha256) {
    auto state = holds_->state.lock(); // kept, so that nobody begins to store it meanwhile
    if (state->leaving.erase(sha256) == 0) return false;
    if (auto removed = remove(sha256); !removed) return removed.error();
    return true;
}

Result<bool> BlobStore::remove(const std::string& sha256) {
    if (!is_sha256_hex(sha256)) return false;
    const auto name = path_of(sha256);
    if (is_damaged(sha256)) unmark(sha256);
    if (::unlink(name.c_str()) == 0) return true;
    if (errno == ENOENT) return false;
    return system_error("cannot remove blob " + sha256);
}

} // namespace millrace::blobs
