// The coroutine side of the blob store: every step that touches the disk runs on the files pool.
#include "base/encoding.hpp"
#include "blobs/blob_store.hpp"
#include "blobs/files.hpp"

namespace millrace::blobs {

struct BlobUpload::State {
    static constexpr std::size_t gather = std::size_t{256} << 10;

    State(BlobStore& blobs, std::uint64_t most) : store{blobs}, limit{most} {}

    // On the files pool. The file is made with the first bytes that have to be written.
    Result<void> write_out(std::span<const std::byte> piece) {
        if (!writer) {
            auto created = store.create(limit);
            if (!created) return created.error();
            writer.emplace(std::move(*created));
        }
        if (auto written = writer->write(gathered); !written) return written;
        gathered.clear();
        return writer->write(piece);
    }

    BlobStore& store;
    std::uint64_t limit, size = 0;
    std::vector<std::byte> gathered;
    std::optional<BlobWriter> writer;
};

std::uint64_t BlobUpload::size() const { return state_->size; }

awaitable<Result<void>> BlobUpload::write(std::span<const std::byte> piece) {
    auto state = state_;
    if (piece.size() > state->limit - state->size)
        co_return Error{Code::too_large,
                        "more than the " + std::to_string(state->limit) + " bytes that are accepted here"};
    state->size += piece.size();
    if (state->gathered.size() + piece.size() < State::gather) {
        state->gathered.insert(state->gathered.end(), piece.begin(), piece.end());
        co_return success();
    }
    auto work = [state, piece] { return state->write_out(piece); };
    co_return co_await state->store.files_.run(std::move(work));
}

awaitable<Result<values::BlobRef>> BlobUpload::finish(std::optional<std::string> expected_sha256) {
    auto state = state_;
    auto work = [state, expected = std::move(expected_sha256)]() -> Result<values::BlobRef> {
        if (auto written = state->write_out({}); !written) return written.error();
        return state->writer->finish(expected);
    };
    co_return co_await state->store.files_.run(std::move(work));
}

BlobUpload BlobStore::begin_upload(std::uint64_t limit) {
    return BlobUpload{std::make_shared<BlobUpload::State>(*this, std::min(limit, options_.max_size))};
}

awaitable<Result<values::BlobRef>> BlobStore::put_async(std::string bytes, Purpose purpose) {
    auto work = [this, purpose, bytes = std::move(bytes)]() -> Result<values::BlobRef> {
        auto writer = create(UINT64_MAX, purpose);
        if (!writer) return writer.error();
        if (auto written = writer->write(std::as_bytes(std::span{bytes})); !written) return written.error();
        return writer->finish();
    };
    co_return co_await files_.run(std::move(work));
}

awaitable<Result<std::optional<OpenBlob>>> BlobStore::open_async(std::string sha256,
                                                                 std::optional<std::uint64_t> expected_size) {
    auto work = [this, sha256 = std::move(sha256), expected_size] { return open_blob(sha256, expected_size); };
    co_return co_await files_.run(std::move(work));
}

awaitable<Result<std::optional<OpenBlob>>> BlobStore::open_verified_async(std::string sha256,
                                                                          std::optional<std::uint64_t> expected_size) {
    auto work = [this, sha256 = std::move(sha256), expected_size] { return open_verified(sha256, expected_size); };
    co_return co_await files_.run(std::move(work));
}

awaitable<Result<std::optional<std::string>>> BlobStore::read_async(std::string sha256, std::uint64_t limit) {
    auto work = [this, sha256 = std::move(sha256), limit]() -> Result<std::optional<std::string>> {
        auto opened = open_blob(sha256);
        if (!opened) return opened.error();
        if (!*opened) return std::optional<std::string>{};
        if ((*opened)->size > limit)
            return Error{Code::too_large, "blob " + sha256 + " is larger than the " + std::to_string(limit) +
                                              " bytes that are accepted here"};
        // Read whole, so its digest is checked.
        std::string content;
        content.reserve((*opened)->size);
        Sha256Stream digest;
        const auto read = read_all((*opened)->file.get(), [&](std::span<const std::byte> piece) {
            digest.update(piece);
            content.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        });
        if (!read) return read.error();
        const bool sound = hex(digest.finish()) == sha256;
        report(sha256, sound);
        if (!sound) return damaged_error(sha256);
        return std::optional<std::string>{std::move(content)};
    };
    co_return co_await files_.run(std::move(work));
}

} // namespace millrace::blobs
