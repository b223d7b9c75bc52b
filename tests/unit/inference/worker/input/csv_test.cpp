#include "inference/worker/input/csv.hpp"
#include "inference/worker/input/preprocess.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

using namespace millrace;
using namespace millrace::inference::worker;

namespace {

using Rows = std::vector<CsvRow>;

Rows rows_of(std::string_view text) {
    CsvReader reader{text, 8};
    Rows rows;
    CsvRow row;
    while (reader.next(row)) rows.push_back(row);
    return rows;
}

values::Manifest manifest(const std::string& columns, int width) {
    auto m = values::Manifest::parse(
        R"({"format":1,"name":"m","task":"tensor","output":{"shape":[1]},"input":{"kind":"row","shape":[)" +
        std::to_string(width) + R"(],"columns":[)" + columns + "]}}");
    REQUIRE_MESSAGE(m.has_value(), (m ? "" : m.error().detail));
    return *m;
}
const std::string age = R"({"name":"age","missing":-1})",
                  plan = R"({"name":"plan","categories":["free","team"," spaced"]})";

std::vector<float> numbers(const std::string& text, const values::Manifest& m) {
    const auto input = preprocess(text, "text/csv", m);
    std::vector<float> out(input.tensors[0].bytes.size() / sizeof(float));
    std::memcpy(out.data(), input.tensors[0].bytes.data(), input.tensors[0].bytes.size());
    return out;
}

std::string failure(const std::string& text, const values::Manifest& m) {
    try {
        (void)preprocess(text, "text/csv", m);
        return "taken";
    } catch (const InputError& e) { return e.what(); }
}

} // namespace

TEST_CASE("lines of a table end as every system writes them, and blank ones are no rows") {
    const Rows expected{{"a", "b"}, {"1", "2"}, {"3", "4"}};
    for (const char* text :
         {"a,b\n1,2\n3,4\n", "a,b\n1,2\n3,4", "a,b\r\n1,2\r\n3,4\r\n", "a,b\r1,2\r3,4\r", "a,b\r\r\n1,2\r\r\n3,4\r\r\n",
          "\xef\xbb\xbf"
          "a,b\n1,2\n3,4\n",
          "\n\na,b\n\n1,2\n  \n3,4\n\n\r\n\n", "\"a\",\"b\"\n\"1\", \"2\"\n3,4\n"})
        CHECK_MESSAGE(rows_of(text) == expected, std::string{text});
    CHECK(rows_of("a\n1\n\n2\n\n\n") == Rows{{"a"}, {"1"}, {"2"}});
    CHECK(rows_of("a\n\"\"\n,\n") == Rows{{"a"}, {""}, {"", ""}});
    CHECK(rows_of("a\tb\n1,5\t2\n") == Rows{{"a", "b"}, {"1,5", "2"}});
    CHECK(rows_of("a,b\tc\n") == Rows{{"a", "b\tc"}});
    CHECK(rows_of("\"a,b\"\tc\n") == Rows{{"a,b", "c"}});
    CHECK(rows_of("").empty());
    CHECK(rows_of(" \r\n \n ").empty());
}

TEST_CASE("a quoted value keeps its commas, line ends and doubled quotes, and lines are counted through it") {
    CHECK(rows_of("a,b\n\"x, \"\"y\"\"\r\nz\",5\" pipe\n") == Rows{{"a", "b"}, {"x, \"y\"\r\nz", "5\" pipe"}});
    CsvReader reader{"a\n\"1\n2\r\n3\"\n\n4\n", 8};
    CsvRow row;
    std::vector<std::size_t> lines;
    while (reader.next(row)) lines.push_back(reader.line());
    CHECK(lines == std::vector<std::size_t>{1, 2, 6});
    CHECK_THROWS_WITH(rows_of("a\n1\n\"x\n"), "line 3 of the CSV ends inside a quoted value");
    CHECK_THROWS_WITH(rows_of("a\n1,2,3,4,5,6,7,8,9\n"), "line 2 of the CSV has more than 8 values");
    CHECK_THROWS_WITH(rows_of("a\nK\xf6ln\n"), "line 2 of the CSV is not UTF-8; save the table as that");
    CHECK_THROWS_WITH(rows_of(std::string{"\xff\xfe"
                                          "a\0",
                                          4}),
                      "the CSV is UTF-16; save it as UTF-8");
}

TEST_CASE("there are as many rows as lines with values, with one column as with several") {
    const auto one = manifest(age, 1), two = manifest(age + "," + plan, 4);
    CHECK(numbers("age\n30\n41.5\n\n\n", one) == std::vector<float>{30, 41.5});
    CHECK(numbers("age\r\n30\r\n\r\n41.5", one) == std::vector<float>{30, 41.5});
    CHECK(numbers("age\n\"\"\n5\n", one) == std::vector<float>{-1, 5});
    CHECK(numbers("age,plan\n30,free\n\n41.5,team\n\n", two) == std::vector<float>{30, 1, 0, 0, 41.5, 0, 1, 0});
    CHECK(numbers("plan\nfree\n", two) == std::vector<float>{-1, 1, 0, 0});
}

TEST_CASE("columns without a name, separators at the end and spaces around values mean nothing") {
    const auto two = manifest(age + "," + plan, 4);
    const std::vector<float> expected{30, 1, 0, 0};
    for (const char* text : {",age,plan\n0,30,free\n", "age,plan,\n30,free,\n", "age,plan\n30,free,\n",
                             "age, plan\n 30 , free\n", "age,plan\n+30,free\n", "age\tplan\n30\tfree\n"})
        CHECK_MESSAGE(numbers(text, two) == expected, std::string{text});
    CHECK(numbers("age,plan\n , spaced\n", two) == std::vector<float>{-1, 0, 0, 1});
}

TEST_CASE("what is wrong with a table is said with its row and its column") {
    const auto two = manifest(age + "," + plan, 4);
    const struct {
        const char *text, *said;
    } wrong[] = {{"age,plan\n30,free\n\n31,gold\n", "row 2 of the CSV (line 4): \"plan\" must be one of free, team"},
                 {"age,plan\n30,free\nold,free\n", "row 2 of the CSV (line 3): \"age\" must be a number"},
                 {"age,plan\n30,\n", "row 1 of the CSV (line 2): \"plan\" is missing"},
                 {"age,plan\n30\n", "row 1 of the CSV (line 2): there are 1 values, in the first line 2"},
                 {"age,plan\n30,free,x\n", "row 1 of the CSV (line 2): there are 3 values"},
                 {"age,plan\n\"41,5\",free\n", "\"age\" must be a number"},
                 {"age,plan\n+-5,free\n", "\"age\" must be a number"},
                 {"age\n30\n", "the CSV has no column \"plan\""},
                 {"age;plan\n30;free\n", "semicolons"},
                 {"age,age\n1,2\n", "twice"},
                 {"\n\n", "the CSV is empty"},
                 {"age,plan\n", "no row"}};
    for (const auto& each : wrong)
        CHECK_MESSAGE(failure(each.text, two).find(each.said) != std::string::npos, failure(each.text, two));
    CHECK_THROWS_WITH((void)preprocess(R"([{"plan":"free"},{"plan":"gold"}])", "application/json", two),
                      "row 2: \"plan\" must be one of free, team,  spaced");
}
