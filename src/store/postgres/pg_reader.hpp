// A reader on a connection of its own, which it opens when it is needed.
#pragma once
#include "store/postgres.hpp"
#include "store/postgres/pg_session.hpp"
#include "store/read_pool.hpp"

#include <atomic>

namespace millrace::store {

class PgReader final : public Reader {
public:
    explicit PgReader(const PostgresOptions& options);

    void run(Operation& operation) override;
    void end() override;
    void stop() override { stopped_ = true; } // an unlimited read does not hold up the end

private:
    void begin(bool limited);

    const std::chrono::milliseconds limit_;
    std::atomic<bool> stopped_{false};
    PgConnection connection_;
    PgSession session_;
};

} // namespace millrace::store
