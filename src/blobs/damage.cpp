// What the blob store knows of damaged files; the rule is in blob_store.hpp.
#include "base/encoding.hpp"
#include "blobs/blob_store.hpp"
#include "blobs/files.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace millrace::blobs {
namespace {

std::filesystem::path mark_of(const BlobOptions& options, const std::string& sha256) {
    return options.folder / "damaged" / sha256;
}

} // namespace

Error damaged_error(const std::string& sha256) {
    return {Code::internal,
            "blob " + sha256 + " is damaged: its bytes on the disk are not those that were stored; store it again"};
}

void BlobStore::load_marks() {
    auto damaged = damaged_.lock();
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator{options_.folder / "damaged", ignored})
        if (const auto name = entry.path().filename().string(); is_sha256_hex(name)) damaged->insert(name);
    damaged_count_.set(static_cast<std::int64_t>(damaged->size()));
    if (!damaged->empty())
        log_.warning("blobs are known to be damaged; store them again",
                     {{"folder", options_.folder.string()}, {"files", damaged->size()}});
}

bool BlobStore::is_damaged(const std::string& sha256) const { return damaged_.lock()->contains(sha256); }

void BlobStore::unmark(const std::string& sha256) {
    auto damaged = damaged_.lock();
    if (damaged->erase(sha256) == 0) return;
    ::unlink(mark_of(options_, sha256).c_str());
    damaged_count_.set(static_cast<std::int64_t>(damaged->size()));
}

void BlobStore::report(const std::string& sha256, bool sound) {
    if (sound) return is_damaged(sha256) ? unmark(sha256) : void();
    {
        auto damaged = damaged_.lock();
        if (!damaged->insert(sha256).second) return;
        damaged_count_.set(static_cast<std::int64_t>(damaged->size()));
    }
    // Not flushed: a mark that a power cut takes comes again with the next read.
    const Descriptor mark{::open(mark_of(options_, sha256).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
    log_.error("a blob is damaged: its bytes are not those that were stored; store it again, and look at the disk",
               {{"sha256", sha256}, {"file", path_of(sha256).string()}});
    if (on_damage_) on_damage_(sha256);
}

Result<std::optional<OpenBlob>> BlobStore::open_verified(const std::string& sha256,
                                                         std::optional<std::uint64_t> expected_size) {
    auto opened = open_blob(sha256, expected_size);
    if (!opened || !*opened) return opened;
    Sha256Stream digest;
    const int fd = (*opened)->file.get();
    const auto read = read_all(fd, [&](std::span<const std::byte> piece) { digest.update(piece); });
    if (!read) return read.error();
    if (::lseek(fd, 0, SEEK_SET) != 0) return system_error("cannot rewind blob " + sha256);
    const bool sound = hex(digest.finish()) == sha256;
    report(sha256, sound);
    if (!sound) return damaged_error(sha256);
    return opened;
}

Result<Verdict> BlobStore::verify(const std::string& sha256) {
    const auto opened = open_verified(sha256);
    if (!opened && is_damaged(sha256)) return Verdict::damaged;
    if (!opened) return opened.error();
    return *opened ? Verdict::sound : Verdict::missing;
}

} // namespace millrace::blobs
