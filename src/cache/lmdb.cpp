#include "cache/lmdb.hpp"

#include "cache/environment.hpp"

#include <atomic>

namespace millrace::cache {
namespace {

// A value starts with the moment of its expiry; a second table orders the keys by it.
constexpr std::size_t stamp_size = 8;
constexpr std::size_t longest_key = 500; // LMDB's limit of 511 less the stamp
constexpr int swept_per_put = 4;

std::string stamp(std::int64_t micros) {
    std::string out(stamp_size, '\0');
    for (std::size_t i = 0; i < stamp_size; ++i)
        out[i] = static_cast<char>(static_cast<std::uint64_t>(micros) >> (56 - 8 * i));
    return out;
}

std::int64_t stamp_of(std::string_view text) {
    std::uint64_t micros = 0;
    for (std::size_t i = 0; i < stamp_size && i < text.size(); ++i)
        micros = micros << 8 | static_cast<unsigned char>(text[i]);
    return static_cast<std::int64_t>(micros);
}

class LmdbCache final : public Cache {
public:
    LmdbCache(std::unique_ptr<Environment> environment, const LmdbOptions& options, const Clock& clock,
              telemetry::Log& log, telemetry::Metrics& metrics)
        : options_{options},
          clock_{clock},
          log_{log},
          hits_{metrics.counter("millrace_cache_lookups_total", "Lookups in the cache", {{"outcome", "hit"}})},
          misses_{metrics.counter("millrace_cache_lookups_total", "Lookups in the cache", {{"outcome", "miss"}})},
          environment_{std::move(environment)} {}

    std::optional<std::string> get(std::string_view key) override {
        if (broken_ || key.empty() || key.size() > longest_key) return miss();
        try {
            Transaction reading{*environment_, Transaction::Access::read};
            const auto stored = reading.get(Table::entries, key);
            if (!stored || stored->size() < stamp_size || stamp_of(*stored) <= clock_.now().micros) return miss();
            hits_.add();
            return std::string{stored->substr(stamp_size)};
        } catch (const EnvironmentError& error) {
            give_up(error);
            return miss();
        }
    }

    void put(std::string_view key, std::string_view value, std::chrono::seconds lifetime) override {
        if (key.empty() || key.size() > longest_key || value.size() > options_.limit / 8 || lifetime.count() <= 0)
            return;
        const auto expiry = stamp((clock_.now() + lifetime).micros);
        change([&](Transaction& writing) {
            make_room(writing);
            forget(writing, key);
            writing.put(Table::entries, key, expiry + std::string{value});
            writing.put(Table::expiries, expiry + std::string{key}, {});
        });
    }

    void erase(std::string_view key) override {
        if (key.empty() || key.size() > longest_key) return;
        change([&](Transaction& writing) { forget(writing, key); });
    }

    CacheStats stats() const override {
        if (broken_) return {};
        try {
            Transaction reading{*environment_, Transaction::Access::read};
            return {.entries = reading.entries(Table::entries), .bytes = reading.bytes()};
        } catch (const EnvironmentError&) { return {}; }
    }

private:
    std::optional<std::string> miss() {
        misses_.add();
        return std::nullopt;
    }

    template <class Steps>
    void change(Steps steps) {
        if (broken_) return;
        try {
            Transaction writing{*environment_, Transaction::Access::write};
            steps(writing);
            writing.commit();
        } catch (const EnvironmentError& error) {
            if (error.full()) log_.warning("the cache is full; a value was not kept");
            else give_up(error);
        }
    }

    void forget(Transaction& writing, std::string_view key) {
        const auto stored = writing.get(Table::entries, key);
        if (!stored) return;
        writing.erase(Table::expiries, std::string{stored->substr(0, stamp_size)} + std::string{key});
        writing.erase(Table::entries, key);
    }

    // Takes a few of the expired away, and more, expired or not, while the cache is over its limit.
    void make_room(Transaction& writing) {
        const auto now = clock_.now().micros;
        for (int i = 0; i < swept_per_put || (writing.bytes() > options_.limit && i < 1000); ++i) {
            const auto soonest = writing.first_key(Table::expiries);
            if (!soonest) return;
            if (stamp_of(*soonest) > now && writing.bytes() <= options_.limit) return;
            const std::string entry{*soonest};
            writing.erase(Table::entries, entry.substr(stamp_size));
            writing.erase(Table::expiries, entry);
        }
    }

    // Until the next start, which finds the mark and begins afresh.
    void give_up(const EnvironmentError& error) {
        if (broken_.exchange(true)) return;
        environment_->mark_unsound();
        log_.error("the cache is broken and off until the next start", {{"reason", error.what()}});
    }

    const LmdbOptions options_;
    const Clock& clock_;
    telemetry::Log& log_;
    telemetry::Counter& hits_;
    telemetry::Counter& misses_;
    std::unique_ptr<Environment> environment_;
    std::atomic<bool> broken_{false};
};

} // namespace

Result<std::unique_ptr<Cache>> open_lmdb(const LmdbOptions& options, const Clock& clock, telemetry::Log& log,
                                         telemetry::Metrics& metrics) {
    // Twice the limit: pages that readers still see, and room to move in.
    auto environment = Environment::open_or_recreate(options.folder, options.limit * 2, log);
    if (!environment) return environment.error();
    return std::make_unique<LmdbCache>(std::move(*environment), options, clock, log, metrics);
}

} // namespace millrace::cache
