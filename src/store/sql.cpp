#include "store/sql.hpp"

namespace millrace::store {

Error to_error(const DatabaseError& error) {
    switch (error.fault()) {
    case Fault::full: return {Code::storage_full, "the disk is full; free space and try again"};
    case Fault::time_limit: return {Code::timed_out, "the query took too long; ask for less"};
    case Fault::lost: return {Code::unavailable, "the database cannot be reached; try again"};
    case Fault::conflict:
    case Fault::unavailable: return {Code::unavailable, "the store is busy; try again"};
    case Fault::broken: return {Code::unavailable, "the store has failed; the operator must look at the log"};
    case Fault::constraint:
    case Fault::misuse: break;
    }
    return {Code::internal, "the store refused the operation"};
}

std::vector<std::int64_t> SystemSession::start_execute_each(const char* sql, std::span<const Value> values,
                                                            std::size_t width) {
    std::vector<std::int64_t> changed;
    changed.reserve(values.size() / width);
    for (; !values.empty(); values = values.subspan(width))
        changed.push_back(start_execute(sql, nullptr, values.first(width)));
    return changed;
}

void SystemSession::start_query_each(const char* sql, std::span<const Value> values, std::size_t width,
                                     const Visit& visit) {
    for (std::size_t index = 0; !values.empty(); values = values.subspan(width), ++index) {
        auto rows = start_query(sql, nullptr, values.first(width));
        visit(index, rows);
    }
}

} // namespace millrace::store
