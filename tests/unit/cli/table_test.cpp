#include "cli/table.hpp"
#include "cli/text.hpp"

#include <doctest/doctest.h>

#include <sstream>

using namespace millrace::cli;

namespace {
std::string printed(const Table& table, std::size_t width) {
    std::ostringstream out;
    table.print(out, {width});
    return out.str();
}
} // namespace

TEST_CASE("a table aligns its columns and leaves no blanks at line ends") {
    Table table{{{.title = "NAME"}, {.title = "N", .align = Table::Align::right}, {.title = "NOTE"}}};
    table.row({"größe", "7", ""});
    table.row({"x", "1234", "last"});
    CHECK(printed(table, 0) == "NAME      N  NOTE\n"
                               "größe     7\n"
                               "x      1234  last\n");
}

TEST_CASE("too narrow a terminal cuts elastic columns first and never overflows") {
    Table table{{{.title = "ID"}, {.title = "NOTE", .elastic = true}}};
    table.row({"0123456789", "a long explanation of what went wrong"});
    CHECK(printed(table, 30) == "ID          NOTE\n"
                                "0123456789  a long explanatio…\n");
    std::istringstream lines{printed(table, 12)};
    for (std::string line; std::getline(lines, line);) CHECK(columns(line) <= 12);
}

TEST_CASE("when cutting is not enough, spare columns go, the sparest first") {
    using Align = Table::Align;
    Table table{{{.title = "ID"},
                 {.title = "TRY", .align = Align::right, .spare = 1},
                 {.title = "PRI", .align = Align::right, .spare = 2},
                 {.title = "NOTE", .elastic = true}}};
    table.row({"0123456789", "1/4", "5", "an error"});
    CHECK(printed(table, 30) == "ID          TRY  PRI  NOTE\n"
                                "0123456789  1/4    5  an error\n");
    CHECK(printed(table, 29) == "ID          TRY  NOTE\n"
                                "0123456789  1/4  an error\n");
    CHECK(printed(table, 24) == "ID          NOTE\n"
                                "0123456789  an error\n");
}

TEST_CASE("ids are as short as tells the rows apart on a terminal, and whole in a pipe") {
    Table table{{{.title = "ID", .is_id = true}, {.title = "N"}}};
    table.row({"01a22d48-eb14-7781-96e0-3405f73e7846", "1"});
    table.row({"01a22d48-eb14-77f1-96e0-3405f73e7846", "2"});
    CHECK(printed(table, 80) == "ID                 N\n"
                                "01a22d48-eb14-778  1\n"
                                "01a22d48-eb14-77f  2\n");
    CHECK(printed(table, 0).find("01a22d48-eb14-77f1-96e0-3405f73e7846") != std::string::npos);
}

TEST_CASE("colours tell good states from bad ones and move no column") {
    Table table{{{.title = "STATE", .is_state = true}, {.title = "N"}}};
    table.row({"succeeded", "1"});
    table.row({"dead", "2"});
    std::ostringstream out;
    table.print(out, {.width = 80, .colour = true});
    CHECK(out.str() == "\x1b[1mSTATE\x1b[0m      \x1b[1mN\x1b[0m\n"
                       "\x1b[32msucceeded\x1b[0m  1\n"
                       "\x1b[31mdead\x1b[0m       2\n");
}

TEST_CASE("the columns that are asked for are shown in that order, and a wrong name lists them all") {
    Table table{{{.title = "ID"}, {.title = "KIND"}, {.title = "STATE"}}};
    table.row({"1", "echo", "dead"});
    std::ostringstream out;
    table.print(out, {.columns = {"state", "Id"}});
    CHECK(out.str() == "STATE  ID\n"
                       "dead   1\n");
    CHECK_THROWS_WITH(table.print(out, {.columns = {"colour"}}),
                      "--columns: there is no column \"colour\"; there are id, kind, state");
}
