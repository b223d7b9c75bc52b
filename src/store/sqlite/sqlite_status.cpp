#include "store/move/move_state.hpp"
#include "store/move/sqlite_side.hpp"
#include "store/move_marks.hpp"
#include "store/store_status.hpp"

namespace millrace::store {
namespace {

std::uint64_t size_of(const std::filesystem::path& path) {
    std::error_code failure;
    const auto size = std::filesystem::file_size(path, failure);
    return failure ? 0 : size;
}

} // namespace

Result<json::object> sqlite_status(const std::filesystem::path& data, bool check) {
    const auto file = data / "millrace.db";
    try {
        SqliteSide side{file, Connection::Access::read};
        auto& connection = side.connection();
        json::object status{{"driver", "sqlite"},
                            {"file", file.string()},
                            {"bytes", size_of(file)},
                            {"log_bytes", size_of(file.string() + "-wal")},
                            {"schema_version", schema_of(side)},
                            {"pages", connection.integer("PRAGMA page_count")},
                            {"free_pages", connection.integer("PRAGMA freelist_count")},
                            {"page_bytes", connection.integer("PRAGMA page_size")}};
        if (const auto mark = mark_of(side)) status["mark"] = marked(mark->version, mark->name).detail;
        if (!check) return status;
        json::array damage;
        auto rows = side.session().query("SELECT integrity_check FROM pragma_integrity_check(20)");
        while (rows.next())
            if (rows.text(0) != "ok") damage.emplace_back(rows.text(0));
        status["damage"] = std::move(damage);
        return status;
    } catch (const DatabaseError& error) {
        return Error{Code::unavailable, "the database cannot be read: " + std::string{error.what()}};
    }
}

} // namespace millrace::store
