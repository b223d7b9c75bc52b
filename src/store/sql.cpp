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

} // namespace millrace::store
