// Rows as COPY takes them: PostgreSQL's text format, a line each.
#pragma once
#include "store/move/row_batch.hpp"

#include <string>

namespace millrace::store {

std::string copy_lines(const RowBatch& rows, std::size_t columns);

} // namespace millrace::store
