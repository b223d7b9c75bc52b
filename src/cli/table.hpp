// Rows for people. On a terminal a table fits its width: elastic columns are cut, then spare ones are left out.
#pragma once
#include "cli/context.hpp"

#include <cstddef>
#include <iosfwd>
#include <string>
#include <vector>

namespace millrace::cli {

class Table {
public:
    enum class Align { left, right };
    struct Column {
        std::string title;
        Align align = Align::left;
        bool elastic = false;  // is cut first when the terminal is too narrow
        int spare = 0;         // is left out when that is not enough, the highest first; 0: never
        bool is_id = false;    // on a terminal with as many characters as tell the rows apart, 13 at least
        bool is_state = false; // in a colour that says whether it is good
    };
    struct Look {
        std::size_t width = 0; // of the terminal; 0: none, as wide as needed and all of it
        bool colour = false;
        std::vector<std::string> columns = {}; // the titles of those to show, in this order; empty: all
    };

    explicit Table(std::vector<Column> columns) : columns_{std::move(columns)} {}
    void row(std::vector<std::string> cells);
    bool empty() const { return rows_.empty(); }
    // Throws Failure{usage} for a column that is not there.
    void print(std::ostream& out, const Look& look) const;
    void print(Context& context) const; // as its terminal and --columns want it

private:
    std::vector<std::size_t> wanted(const Look& look) const;
    void shorten_ids(std::size_t column, std::vector<std::vector<std::string>>& rows) const;
    std::vector<std::size_t> fit(std::vector<std::size_t>& shown, const std::vector<std::vector<std::string>>& rows,
                                 const Look& look) const;

    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

// The text in the colour of this state; as it is without `colour`.
std::string in_colour_of(const std::string& state, const std::string& text, bool colour);

} // namespace millrace::cli
