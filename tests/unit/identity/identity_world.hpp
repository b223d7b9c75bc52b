// The keys and sessions of one organisation on a store of its own, with a clock that the test turns. A test's thread
// only.
#pragma once
#include "identity/identity.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"
#include "unit/async/run.hpp"
#include "unit/store/test_database.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace millrace::identity::test {

using namespace std::chrono_literals;

class ManualClock final : public Clock {
public:
    Timestamp now() const override {
        return Timestamp{1'800'000'000'000'000} + std::chrono::microseconds{offset.load()};
    }
    Monotonic monotonic() const override { return Monotonic{std::chrono::microseconds{offset.load()} + 1h}; }
    void advance(std::chrono::microseconds by) { offset += by.count(); }

private:
    std::atomic<std::int64_t> offset{0};
};

struct World {
    World() {
        std::string pattern = (std::filesystem::temp_directory_path() / "millrace-identity-XXXXXX").string();
        data = ::mkdtemp(pattern.data());
        open();
    }
    ~World() {
        identity.reset();
        database.reset();
        std::filesystem::remove_all(data);
    }
    void open() {
        identity.reset();
        database.reset();
        feed = std::make_unique<events::Feed>();
        auto opened =
            store::test::open_database({.data = data, .on_commit = feed->on_commit(), .on_failure = {}}, log, metrics);
        REQUIRE(opened.has_value());
        database = std::move(*opened);
        identity = std::make_unique<Identity>(*database, *feed, clock, log);
        REQUIRE(identity->load_blocking().has_value());
    }
    template <class T>
    T run(awaitable<T> work) {
        return async::test::run(std::move(work));
    }
    CreatedKey key(values::Role role, std::optional<Timestamp> expires_at = {}) {
        auto created =
            run(identity->create_key(admin, {.name = "key of a test", .role = role, .expires_at = expires_at}));
        REQUIRE(created.has_value());
        return *created;
    }
    Result<SignedIn> login(std::string text) { return run(identity->login(std::move(text), "10.0.0.1", "")); }
    Key listed(KeyId id) {
        auto keys = run(identity->list_keys(admin));
        REQUIRE(keys.has_value());
        for (const Key& k : *keys)
            if (k.id == id) return k;
        FAIL("the key is not listed");
        return {};
    }

    std::filesystem::path data;
    ManualClock clock;
    telemetry::Log log{telemetry::Level::error, telemetry::LogFormat::logfmt};
    telemetry::Metrics metrics;
    std::unique_ptr<events::Feed> feed;
    std::unique_ptr<store::Database> database;
    std::unique_ptr<Identity> identity;
    values::Principal admin{values::default_organization, {}, "uid:0", values::Role::admin};
};

} // namespace millrace::identity::test
