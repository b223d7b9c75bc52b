#include "store/move/pg_rows.hpp"

#include "base/encoding.hpp"
#include "base/utf8.hpp"

#include <fmt/format.h>

namespace millrace::store {
namespace {

void append_text(std::string& out, std::string_view text) {
    for (const char c : text) switch (c) {
        case '\\': out += "\\\\"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        case '\0': out += replacement_character; break; // as the driver writes it (PgParameters)
        default: out += c;
        }
}

void append_cell(std::string& out, const RowBatch::Cell& cell) {
    switch (cell.kind) {
    case RowBatch::Cell::Kind::null: out += "\\N"; break;
    case RowBatch::Cell::Kind::integer: fmt::format_to(std::back_inserter(out), "{}", cell.integer); break;
    case RowBatch::Cell::Kind::real: fmt::format_to(std::back_inserter(out), "{}", cell.real); break;
    case RowBatch::Cell::Kind::text: append_text(out, cell.text); break;
    case RowBatch::Cell::Kind::bytes:
        out += "\\\\x" + hex(std::as_bytes(std::span{cell.text.data(), cell.text.size()}));
        break;
    }
}

} // namespace

std::string copy_lines(const RowBatch& rows, std::size_t columns) {
    std::string out;
    out.reserve(rows.bytes() + rows.bytes() / 8);
    for (std::size_t row = 0; row < rows.rows(); ++row)
        for (std::size_t column = 0; column < columns; ++column) {
            append_cell(out, rows.cell(row, column));
            out += column + 1 < columns ? '\t' : '\n';
        }
    return out;
}

} // namespace millrace::store
