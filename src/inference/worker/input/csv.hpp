// Tables of comma-separated values as people and programs write them: RFC 4180 and its usual deviations.
//
// A line ends with LF, CRLF, CR or CR CR LF; inside quotes it does not. A blank line (nothing but spaces) is no row,
// wherever it stands and however many columns there are; `""` alone is a row of one empty value, and `,` one of two.
// The byte order mark of UTF-8 is dropped. A quote that opens a value may have spaces before it. Values are separated
// by commas, or by tabs where the first line has tabs and no comma. Semicolons are not guessed at: the files that have
// them write numbers with decimal commas, too.
#pragma once
#include "inference/worker/input/input_error.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::inference::worker {

using CsvRow = std::vector<std::string>;

// Reads line after line; InputError, with the line's number, for what is no such table. Borrows the text.
class CsvReader {
public:
    CsvReader(std::string_view text, std::size_t most_values); // of a line

    // False at the end.
    bool next(CsvRow& row);
    std::size_t line() const { return line_; } // where the row began, counted from 1
    char separator() const { return separator_; }

private:
    bool skip_blank();
    void take_value(std::string& value);
    void end_line();
    [[noreturn]] void fail(const std::string& what) const;

    std::string_view rest_;
    std::size_t most_values_;
    char separator_ = ',';
    std::size_t line_ = 0, next_line_ = 1;
};

// Without the spaces around it.
std::string_view trimmed(std::string_view value);

} // namespace millrace::inference::worker
