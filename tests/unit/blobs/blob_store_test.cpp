#include "blobs/blob_store.hpp"

#include "async/io_pool.hpp"
#include "base/encoding.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

using namespace millrace;
using namespace millrace::blobs;

namespace {

struct Fixture {
    Fixture() {
        std::string pattern = (std::filesystem::temp_directory_path() / "millrace-blobs-XXXXXX").string();
        folder = ::mkdtemp(pattern.data());
        open();
    }
    ~Fixture() { std::filesystem::remove_all(folder); }
    void open(std::uint64_t max_size = 1 << 20) {
        store = BlobStore::open({.folder = folder, .max_size = max_size}, files, log, metrics).value();
    }
    Result<values::BlobRef> put(const std::string& content, const std::optional<std::string>& expected = std::nullopt) {
        auto writer = store->create();
        if (!writer) return writer.error();
        if (auto written = writer->write(std::as_bytes(std::span{content})); !written) return written.error();
        return writer->finish(expected);
    }
    template <class T>
    T run(awaitable<T> routine) {
        return asio::co_spawn(io.at(0), std::move(routine), asio::use_future).get();
    }
    std::size_t files_in(const char* sub) const {
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator{folder / sub})
            count += entry.is_regular_file() ? 1 : 0;
        return count;
    }

    std::filesystem::path folder;
    telemetry::Log log{telemetry::Level::error, telemetry::LogFormat::logfmt, -1};
    telemetry::Metrics metrics;
    async::IoPool io{"test-io", 1};
    async::ThreadPool files{"test-files", 2, 64};
    std::unique_ptr<BlobStore> store;
};

// SHA-256 of "hello".
const std::string hello_sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

std::string name_of(const std::string& content) { return hex(sha256(content)); }

} // namespace

TEST_CASE("a blob is stored under its digest and read back") {
    Fixture fixture;
    const auto blob = fixture.put("hello");
    REQUIRE(blob.has_value());
    CHECK(blob->sha256 == hello_sha256);
    CHECK(blob->size == 5);
    CHECK(fixture.store->path_of(hello_sha256) == fixture.folder / "hot/2c/f2" / hello_sha256);
    CHECK(fixture.run(fixture.store->read_async(hello_sha256, 100)).value() == "hello");
    CHECK(fixture.files_in("tmp") == 0);
    struct stat found {};
    REQUIRE(::stat(fixture.store->path_of(hello_sha256).c_str(), &found) == 0);
    CHECK((found.st_mode & 0777) == 0600);
}

TEST_CASE("a digest that does not match is refused and nothing is kept") {
    Fixture fixture;
    const auto blob = fixture.put("hello", std::string(64, '0'));
    REQUIRE_FALSE(blob.has_value());
    CHECK(blob.error().code == Code::unprocessable);
    CHECK(fixture.files_in("tmp") == 0);
    CHECK(fixture.files_in("hot") == 0);
    CHECK(fixture.put("hello", hello_sha256).has_value());
}

TEST_CASE("storing the same content again gives the same blob") {
    Fixture fixture;
    CHECK(fixture.put("hello")->sha256 == fixture.put("hello")->sha256);
    CHECK(fixture.files_in("hot") == 1);
    CHECK(fixture.files_in("tmp") == 0);
}

TEST_CASE("more bytes than the limit are refused and nothing is kept") {
    Fixture fixture;
    {
        auto writer = fixture.store->create(10).value();
        const std::string piece(6, 'x');
        CHECK(writer.write(std::as_bytes(std::span{piece})).has_value());
        const auto second = writer.write(std::as_bytes(std::span{piece}));
        REQUIRE_FALSE(second.has_value());
        CHECK(second.error().code == Code::too_large);
    }
    CHECK(fixture.files_in("tmp") == 0);
    fixture.open(4); // the store's own limit
    CHECK(fixture.put("hello").error().code == Code::too_large);
}

TEST_CASE("an abandoned writer leaves nothing behind") {
    Fixture fixture;
    {
        auto writer = fixture.store->create().value();
        const std::string piece(6, 'x');
        CHECK(writer.write(std::as_bytes(std::span{piece})).has_value());
        auto moved = std::move(writer);
        CHECK(fixture.files_in("tmp") == 1);
    }
    CHECK(fixture.files_in("tmp") == 0);
}

TEST_CASE("what an earlier process left unfinished is removed at start") {
    Fixture fixture;
    std::ofstream{fixture.folder / "tmp" / "left"} << "half";
    fixture.put("hello").value();
    fixture.open();
    CHECK(fixture.files_in("tmp") == 0);
    CHECK(fixture.files_in("hot") == 1);
}

TEST_CASE("an unknown blob, or a name that is no digest, is absent") {
    Fixture fixture;
    CHECK_FALSE(fixture.store->open_blob(std::string(64, 'a'))->has_value());
    CHECK_FALSE(fixture.store->open_blob("../../etc/passwd")->has_value());
    CHECK_FALSE(fixture.store->open_blob("")->has_value());
    CHECK_FALSE(fixture.store->remove("../x").value());
    CHECK(fixture.store->verify(std::string(64, 'a')).value() == Verdict::missing);
}

TEST_CASE("damage is found: a wrong size when opened, a wrong byte when verified or read whole") {
    Fixture fixture;
    fixture.put("hello").value();
    CHECK(fixture.store->verify(hello_sha256).value() == Verdict::sound);
    CHECK(fixture.store->open_blob(hello_sha256, 5)->has_value());
    CHECK_FALSE(fixture.store->open_blob(hello_sha256, 6).has_value());
    std::ofstream{fixture.store->path_of(hello_sha256), std::ios::trunc} << "jello";
    CHECK(fixture.store->verify(hello_sha256).value() == Verdict::damaged);
    CHECK(fixture.run(fixture.store->read_async(hello_sha256, 100)).error().code == Code::internal);
}

TEST_CASE("a damaged blob is told once, known after a restart, and sound again when it is stored again") {
    Fixture fixture;
    std::vector<std::string> told;
    fixture.put("hello").value();
    fixture.store->on_damage([&](const std::string& sha256) { told.push_back(sha256); });
    CHECK(fixture.store->open_verified(hello_sha256, 5)->has_value());
    std::ofstream{fixture.store->path_of(hello_sha256), std::ios::trunc} << "jello";
    for (int again = 0; again < 2; ++again)
        CHECK(fixture.store->open_verified(hello_sha256, 5).error().code == Code::internal);
    CHECK(told == std::vector{hello_sha256});
    CHECK(fixture.store->is_damaged(hello_sha256));
    fixture.open();
    CHECK(fixture.store->is_damaged(hello_sha256));
    fixture.put("hello").value();
    CHECK_FALSE(fixture.store->is_damaged(hello_sha256));
    CHECK(fixture.files_in("damaged") == 0);
    // A read that finds it sound takes the mark back: the disk may have been read wrongly.
    fixture.store->report(hello_sha256, false);
    CHECK(fixture.run(fixture.store->read_async(hello_sha256, 100)).value() == "hello");
    CHECK_FALSE(fixture.store->is_damaged(hello_sha256));
    // A blob that is gone is damaged no more.
    fixture.store->report(hello_sha256, false);
    CHECK(fixture.store->remove(hello_sha256).value());
    CHECK_FALSE(fixture.store->is_damaged(hello_sha256));
}

TEST_CASE("a blob that is read whole is read from its start, once checked") {
    Fixture fixture;
    fixture.put("hello").value();
    const auto opened = fixture.run(fixture.store->open_verified_async(hello_sha256, 5));
    char bytes[8] = {};
    REQUIRE(opened.has_value());
    CHECK(::read((*opened)->file.get(), bytes, sizeof bytes) == 5);
    CHECK(std::string{bytes} == "hello");
}

TEST_CASE("a blob is removed, but not while its row is on the way") {
    Fixture fixture;
    auto blob = std::optional{fixture.put("hello").value()};
    CHECK_FALSE(fixture.store->begin_removal(hello_sha256)); // whoever stored it holds it
    auto copy = blob;
    blob.reset();
    CHECK_FALSE(fixture.store->begin_removal(hello_sha256));
    CHECK(fixture.store->take_released().digests.empty());
    copy.reset();
    CHECK(fixture.store->take_released().digests == std::vector<std::string>{hello_sha256});
    CHECK(fixture.store->begin_removal(hello_sha256));
    CHECK_FALSE(fixture.store->begin_removal(hello_sha256)); // another does it
    CHECK(fixture.store->finish_removal(hello_sha256).value());
    CHECK_FALSE(fixture.store->open_blob(hello_sha256)->has_value());
    CHECK_FALSE(fixture.store->finish_removal(hello_sha256).value());
    CHECK_FALSE(fixture.store->remove(hello_sha256).value());
}

TEST_CASE("what is stored again while it is being removed stays") {
    Fixture fixture;
    fixture.put("hello").value();
    REQUIRE(fixture.store->begin_removal(hello_sha256));
    fixture.put("hello").value();
    CHECK_FALSE(fixture.store->finish_removal(hello_sha256).value());
    CHECK(fixture.store->open_blob(hello_sha256)->has_value());
    REQUIRE(fixture.store->begin_removal(hello_sha256));
    fixture.store->abandon_removal(hello_sha256);
    CHECK_FALSE(fixture.store->finish_removal(hello_sha256).value());
    CHECK(fixture.store->open_blob(hello_sha256)->has_value());
}

TEST_CASE("an upload in pieces of any size gives the digest of the whole") {
    Fixture fixture;
    std::string content;
    for (int i = 0; i < 400'000; ++i) content += static_cast<char>('a' + i % 23);
    for (const std::size_t piece : {std::size_t{1000}, std::size_t{300'000}, content.size()}) {
        auto upload = fixture.store->begin_upload();
        const auto routine = [&]() -> awaitable<Result<values::BlobRef>> {
            for (std::size_t at = 0; at < content.size(); at += piece) {
                auto written = co_await upload.write(
                    std::as_bytes(std::span{content}).subspan(at, std::min(piece, content.size() - at)));
                if (!written) co_return written.error();
            }
            co_return co_await upload.finish();
        };
        const auto blob = fixture.run(routine());
        REQUIRE(blob.has_value());
        CHECK(blob->sha256 == name_of(content));
        CHECK(upload.size() == content.size());
        CHECK(fixture.run(fixture.store->read_async(blob->sha256, 1 << 20)).value() == content);
    }
    CHECK(fixture.run(fixture.store->read_async(name_of(content), 10)).error().code == Code::too_large);
    CHECK(fixture.files_in("hot") == 1);
}

TEST_CASE("an upload past its limit is refused, and an empty one is a blob") {
    Fixture fixture;
    auto upload = fixture.store->begin_upload(4);
    const std::string content = "hello";
    CHECK(fixture.run(upload.write(std::as_bytes(std::span{content}))).error().code == Code::too_large);
    auto empty = fixture.store->begin_upload();
    CHECK(fixture.run(empty.finish())->size == 0);
}

TEST_CASE("uploads of the same content at the same time all succeed") {
    Fixture fixture;
    std::vector<std::future<Result<values::BlobRef>>> answers;
    for (int i = 0; i < 20; ++i)
        answers.push_back(asio::co_spawn(fixture.io.at(0), fixture.store->put_async("hello"), asio::use_future));
    for (auto& answer : answers) CHECK(answer.get()->sha256 == hello_sha256);
    CHECK(fixture.files_in("hot") == 1);
    CHECK(fixture.files_in("tmp") == 0);
}

TEST_CASE("uploads leave the reserve of free space, and results of what runs go into it") {
    Fixture fixture;
    std::uint64_t free = 1000;
    fixture.store = BlobStore::open({.folder = fixture.folder, .min_free = 400, .free = [&] { return free; }},
                                    fixture.files, fixture.log, fixture.metrics)
                        .value();
    const std::string content(600, 'x');
    CHECK(fixture.put(content).has_value());
    free = 999;
    auto refused = fixture.put(content);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::storage_full);
    CHECK(refused.error().detail.find("min_free_bytes") != std::string::npos);
    CHECK(fixture.run(fixture.store->put_async(content, Purpose::result)).has_value());
    free = 700;
    CHECK(fixture.run(fixture.store->put_async(content, Purpose::result)).has_value());
    free = 699; // the last quarter is the database's
    CHECK(fixture.run(fixture.store->put_async(content, Purpose::result)).error().code == Code::storage_full);

    free = 1000; // a long upload notices on its way
    auto upload = fixture.store->begin_upload();
    const std::vector<std::byte> piece(std::size_t{300} << 10);
    free = 500 + piece.size();
    CHECK(fixture.run(upload.write(piece)).has_value());
    free = 500;
    CHECK(fixture.run(upload.write(piece)).error().code == Code::storage_full);
    upload = fixture.store->begin_upload();
    for (int i = 0; i < 300 && fixture.files_in("tmp") > 0; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    CHECK(fixture.files_in("tmp") == 0); // a files thread may hold the abandoned upload a moment longer
}

TEST_CASE("files are listed that were there before a time") {
    Fixture fixture;
    const auto early = fixture.put("early")->sha256;
    const auto later = std::filesystem::file_time_type::clock::now() + std::chrono::hours{1};
    const auto all = [&](std::filesystem::file_time_type time) {
        std::vector<std::string> found;
        for (unsigned folder = 0; folder < 256; ++folder)
            for (auto& each : fixture.store->stored_before(static_cast<std::uint8_t>(folder), time))
                found.push_back(std::move(each));
        return found;
    };
    CHECK(all(later) == std::vector{early});
    CHECK(all(later - std::chrono::hours{2}).empty());
}
