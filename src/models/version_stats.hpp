// What each model version did in the last day, in memory, and stored every few seconds: a killed daemon forgets the
// last of it, one that is stopped nothing. Thread-safe.
#pragma once
#include "async/awaitable.hpp"
#include "async/guarded.hpp"
#include "async/repeating.hpp"
#include "base/clock.hpp"
#include "inference/prediction.hpp"
#include "models/counts.hpp"
#include "models/statistics/statistics_repository.hpp"
#include "models/traffic.hpp"
#include "store/database.hpp"
#include "telemetry/log.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

namespace millrace::models {

class VersionStats {
public:
    static constexpr std::chrono::minutes width{10};
    static constexpr std::size_t length = 144; // spans: a day

    VersionStats(store::Database& database, const Clock& clock, telemetry::Log& log)
        : database_{database},
          clock_{clock},
          log_{log} {}

    Result<void> load_blocking();
    void start(asio::io_context& context); // its flushes run there
    void stop();                           // stores the rest; blocks. Idempotent

    void record(const inference::ModelVersion& version, const Sample& sample);
    void record(const inference::ModelVersion& version, Aside aside);
    void record_fallback(const inference::ModelVersion& primary); // somebody else answered for it
    void record_comparison(const inference::ModelVersion& shadow, bool agreed);
    Counts total(OrganizationId organization, const std::string& model, int version);
    Timestamp since() const { return clock_.now() - width * length; } // what total() looks back to

private:
    using Key = std::tuple<OrganizationId, std::string, int>;

    Counts& present(std::map<Key, Window>& windows, const inference::ModelVersion& version);
    std::vector<StoredCounts> take_changed();
    void put_back(const std::vector<StoredCounts>& rows);
    void flush();

    store::Database& database_;
    const Clock& clock_;
    telemetry::Log& log_;
    async::Guarded<std::map<Key, Window>> windows_;
    async::Repeating flushing_;
};

} // namespace millrace::models
