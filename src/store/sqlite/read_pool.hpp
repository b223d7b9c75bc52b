// The readers: threads with a read-only connection each, taking from one queue.
#pragma once
#include "async/guarded.hpp"
#include "store/operation.hpp"
#include "store/sqlite.hpp"
#include "store/sqlite/session.hpp"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <thread>
#include <vector>

namespace millrace::store {

class ReadPool {
public:
    // Throws DatabaseError when a connection cannot be opened. `log` outlives the pool.
    ReadPool(const std::filesystem::path& file, const SqliteOptions& options, telemetry::Log& log,
             telemetry::Metrics& metrics);
    ~ReadPool(); // close()

    void submit(std::unique_ptr<Operation> operation);
    std::uint64_t reads() const { return reads_.value(); }
    void close(); // runs what is queued, stops what is unlimited, joins

private:
    struct Reader {
        explicit Reader(const std::filesystem::path& file)
            : connection{file, Connection::Access::read},
              session{connection} {}
        Connection connection;
        SqliteSession session;
        std::thread thread;
    };
    struct Queue {
        OperationList waiting;
        bool closing = false;
    };

    void serve(Reader& reader);
    void run(Reader& reader, Operation& operation);

    const SqliteOptions options_;
    telemetry::Log& log_;
    telemetry::Histogram& read_seconds_;
    telemetry::Counter& reads_;
    std::atomic<bool> closing_{false};
    async::Guarded<Queue> queue_;
    std::condition_variable wake_;
    std::vector<std::unique_ptr<Reader>> readers_;
};

} // namespace millrace::store
