// A reader on a read-only connection to the file.
#pragma once
#include "store/read_pool.hpp"
#include "store/sqlite.hpp"
#include "store/sqlite/session.hpp"

#include <atomic>
#include <filesystem>

namespace millrace::store {

class SqliteReader final : public Reader {
public:
    // Throws DatabaseError when the file cannot be opened.
    SqliteReader(const std::filesystem::path& file, const SqliteOptions& options);

    void run(Operation& operation) override;
    void end() override;
    void stop() override { stopped_ = true; } // an unlimited read does not hold up the end

private:
    const std::chrono::milliseconds limit_;
    std::atomic<bool> stopped_{false};
    Connection connection_;
    SqliteSession session_;
};

} // namespace millrace::store
