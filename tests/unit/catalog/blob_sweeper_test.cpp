#include "catalog/blob_catalog.hpp"
#include "catalog/blob_sweeper.hpp"

#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "unit/async/run.hpp"
#include "unit/store/test_database.hpp"
#include "values/principal.hpp"

#include <doctest/doctest.h>

#include <filesystem>

using namespace millrace;
using namespace millrace::catalog;
using namespace std::chrono_literals;

namespace {

struct TestClock final : Clock {
    Timestamp time{1'700'000'000'000'000};
    Timestamp now() const override { return time; }
    Monotonic monotonic() const override { return Monotonic{std::chrono::microseconds{time.micros}}; }
};

struct World {
    World() {
        std::string pattern = (std::filesystem::temp_directory_path() / "millrace-catalog-XXXXXX").string();
        data = ::mkdtemp(pattern.data());
        database = std::move(*store::test::open_database({.data = data, .on_failure = {}}, log, metrics));
        blobs = std::move(*blobs::BlobStore::open({.folder = data / "blobs"}, pool, log, metrics));
        catalog = std::make_unique<BlobCatalog>(*database, clock);
        sweeper = std::make_unique<BlobSweeper>(*database, *blobs, pool, clock, log, metrics);
        write("INSERT INTO organizations (id, name, created_at) VALUES ('00000000-0000-7000-8000-000000000002', "
              "'other', 0)");
    }
    ~World() {
        database->close();
        std::filesystem::remove_all(data);
    }
    template <class T>
    T run(awaitable<T> work) {
        return async::test::run(std::move(work));
    }
    void write(store::Sql sql, std::vector<std::string> texts = {}) {
        auto task = [sql, texts](store::SystemSession& session) -> Result<void> {
            if (texts.empty()) session.execute(sql);
            else if (texts.size() == 1) session.execute(sql, {texts[0]});
            else session.execute(sql, {texts[0], texts[1], texts[2]});
            return success();
        };
        REQUIRE(database->write_blocking(std::move(task)).has_value());
    }
    std::string put(const std::string& content, Kept kept = {}, OrganizationId who = values::default_organization) {
        auto blob = run(blobs->put_async(content));
        REQUIRE(blob.has_value());
        REQUIRE(run(catalog->add(who, *blob, "text/plain", kept)).has_value());
        return blob->sha256;
    }
    void use(const std::string& sha256, const std::string& job) {
        write("INSERT INTO job_blobs (organization_id, job_id, sha256) VALUES ($1, $2, $3)",
              {values::default_organization.text(), job, sha256});
    }
    bool known(const std::string& sha256, OrganizationId who = values::default_organization) {
        return run(catalog->find(who, sha256))->has_value();
    }
    bool on_disk(const std::string& sha256) { return blobs->open_blob(sha256)->has_value(); }
    void sweep() {
        while (run(sweeper->piece())) {}
    }
    Kept prediction() const { return {Kept::For::prediction, clock.time + 1h}; }

    std::filesystem::path data;
    TestClock clock;
    telemetry::Log log{static_cast<telemetry::Level>(9), telemetry::LogFormat::logfmt};
    telemetry::Metrics metrics;
    async::ThreadPool pool{"files", 2, 64};
    std::unique_ptr<store::Database> database;
    std::unique_ptr<blobs::BlobStore> blobs;
    std::unique_ptr<BlobCatalog> catalog;
    std::unique_ptr<BlobSweeper> sweeper;
    OrganizationId other = *OrganizationId::parse("00000000-0000-7000-8000-000000000002");
};

} // namespace

TEST_CASE("what a prediction brought goes when its time is over, with its file") {
    World world;
    const auto brought = world.put("a map", world.prediction());
    const auto stored = world.put("a file");
    world.sweep();
    CHECK(world.known(brought));
    world.clock.time = world.clock.time + 61min;
    world.sweep();
    CHECK_FALSE(world.known(brought));
    CHECK_FALSE(world.on_disk(brought));
    CHECK(world.known(stored));
    CHECK(world.on_disk(stored));
}

TEST_CASE("of several reasons to keep a blob the longest counts") {
    World world;
    const auto both = world.put("both", world.prediction());
    world.put("both"); // a user has it, too: it stays
    const auto again = world.put("again", world.prediction());
    world.clock.time = world.clock.time + 30min;
    world.put("again", world.prediction());
    const auto of_job = world.put("of a job", {Kept::For::job});
    world.put("of a job", world.prediction());
    world.use(of_job, "job");
    world.clock.time = world.clock.time + 40min;
    world.sweep();
    CHECK(world.known(both));
    CHECK(world.known(again)); // half an hour longer
    world.clock.time = world.clock.time + 24h;
    world.sweep();
    CHECK(world.known(both));
    CHECK_FALSE(world.known(again));
    CHECK(world.known(of_job)); // as long as a job refers to it
}

TEST_CASE("many expire in pieces") {
    World world;
    auto fill = [until = world.clock.time + 1h](store::SystemSession& session) -> Result<void> {
        store::OrganizationSession tenant{session, values::default_organization};
        for (int i = 0; i < 500; ++i) {
            const auto digest = hex(sha256(std::to_string(i)));
            add(tenant, {digest, 1, {}}, "text/plain", {Kept::For::prediction, until}, until);
        }
        return success();
    };
    REQUIRE(world.database->write_blocking(std::move(fill)).has_value());
    world.clock.time = world.clock.time + 2h;
    world.sweep();
    auto count = [](store::SystemSession& session) -> Result<std::int64_t> {
        auto rows = session.query("SELECT (SELECT count(*) FROM blobs) + (SELECT count(*) FROM blob_removals)");
        rows.next();
        return rows.integer(0);
    };
    CHECK(world.database->read_blocking(std::move(count)).value() == 0);
}

TEST_CASE("an organisation deletes what is its own; the file goes with the last of them") {
    World world;
    const auto shared = world.put("shared");
    world.put("shared", {}, world.other);
    REQUIRE(world.run(world.catalog->remove(values::default_organization, shared)).has_value());
    world.run(world.sweeper->remove_file(shared));
    CHECK_FALSE(world.known(shared));
    CHECK(world.known(shared, world.other));
    CHECK(world.on_disk(shared));
    CHECK(world.run(world.catalog->remove(values::default_organization, shared)).error().code == Code::not_found);
    REQUIRE(world.run(world.catalog->remove(world.other, shared)).has_value());
    world.run(world.sweeper->remove_file(shared));
    CHECK_FALSE(world.on_disk(shared));
}

TEST_CASE("a removal gives way to whoever stores the blob meanwhile") {
    World world;
    const auto wanted = world.put("wanted");
    REQUIRE(world.run(world.catalog->remove(values::default_organization, wanted)).has_value());
    auto coming = std::optional{world.run(world.blobs->put_async("wanted")).value()}; // its row is on the way
    world.sweep();
    CHECK(world.on_disk(wanted));
    REQUIRE(world.run(world.catalog->add(values::default_organization, *coming, "text/plain")).has_value());
    coming.reset();
    world.sweep();
    CHECK(world.on_disk(wanted));
    CHECK(world.known(wanted));
}

TEST_CASE("a file that was stored and never got a row is removed") {
    World world;
    auto orphan = std::optional{world.run(world.blobs->put_async("nobody's")).value()};
    const auto sha256 = orphan->sha256;
    world.sweep();
    CHECK(world.on_disk(sha256));
    orphan.reset();
    world.sweep();
    CHECK_FALSE(world.on_disk(sha256));
}

TEST_CASE("a file whose daemon was killed before its row is found after a start; others stay") {
    World world;
    const auto kept = world.put("kept");
    const auto stray = world.run(world.blobs->put_async("a stray")).value().sha256;
    world.blobs->take_released(); // with the daemon that died
    const auto later = std::filesystem::file_time_type::clock::now() + 1h;
    world.sweeper->look_through(later);
    world.sweep();
    CHECK(world.on_disk(stray)); // nobody has used this database yet: it may be the wrong one
    world.write("INSERT INTO keys (organization_id, id, name, role, secret_sha256, created_at) VALUES "
                "('00000000-0000-7000-8000-000000000002', 'key', 'k', "
                "'viewer', 'x', 0)");
    world.sweeper->look_through(later - 2h);
    world.sweep();
    CHECK(world.on_disk(stray)); // younger than that
    const auto coming = world.run(world.blobs->put_async("its row is on the way")).value();
    world.sweeper->look_through(later);
    world.sweep();
    CHECK_FALSE(world.on_disk(stray));
    CHECK(world.on_disk(coming.sha256));
    CHECK(world.on_disk(kept));
    CHECK(world.known(kept));
}

TEST_CASE("however many files no request claimed, all are removed") {
    World world;
    world.write("INSERT INTO keys (organization_id, id, name, role, secret_sha256, created_at) VALUES "
                "('00000000-0000-7000-8000-000000000002', 'key', 'k', "
                "'viewer', 'x', 0)");
    for (int i = 0; i < 4100; ++i) { // more than are told
        auto nobodys = world.blobs->create();
        const auto content = std::to_string(i);
        REQUIRE(nobodys->write(std::as_bytes(std::span{content})).has_value());
        REQUIRE(nobodys->finish().has_value());
    }
    world.sweep();
    world.sweeper->look_through(std::filesystem::file_time_type::clock::now() + 1h);
    world.sweep();
    std::size_t left = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{world.data / "blobs/hot"})
        left += entry.is_regular_file();
    CHECK(left == 0);
}
