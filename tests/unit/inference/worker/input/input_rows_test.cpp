// Rows of a table as input: objects, CSV, numbers, and what stands for a category.
#include "unit/inference/worker/input/read_input.hpp"

using namespace millrace;
using namespace millrace::inference::worker;
using namespace millrace::inference::worker::test;

TEST_CASE("a row comes as an object, as CSV, or as numbers") {
    const auto one = manifest(row);
    const std::vector<float> expected{2, 7, 0, 1};
    for (const auto* text :
         {R"({"age":44,"size":7,"color":"blue"})", R"({"row":{"color":"blue","size":"7","age":44.0}})",
          R"([{"age":44,"size":7,"color":"blue"}])", R"({"data":[2,7,0,1]})",
          R"({"inputs":[{"name":"r","row":{"age":44,"size":7,"color":"blue"}}]})"}) {
        INFO(std::string{text});
        CHECK(numbers<float>(preprocess(text, "application/json", one).tensors[0]) == expected);
    }
    const auto table = preprocess("color,size,age\r\nblue,7,44\r\n\"red\",-1,\r\n", "text/csv", one);
    CHECK(table.rows == 2);
    CHECK(numbers<float>(table.tensors[0]) == std::vector<float>{2, 7, 0, 1, 0, -1, 1, 0});
    CHECK(preprocess(R"([{"size":1,"color":"red"},{"size":2,"color":"red"}])", "", one).rows == 2);
    const struct {
        const char* text;
        const char* said;
    } wrong[] = {{R"({"size":7})", "color"},
                 {R"({"age":44,"color":"blue"})", "size"},
                 {R"({"size":7,"color":"green"})", "red, blue"},
                 {R"({"size":"seven","color":"red"})", "number"},
                 {R"({"size":[7],"color":"red"})", "number or a string"},
                 {R"({"size":7,"color":"red","weight":1})", "weight"},
                 {R"({"size":1e300,"color":"red"})", "too large"},
                 {R"([{"size":7,"color":"red"},7])", "object"},
                 {"size,color\n", "no row"},
                 {"size,colour\n1,red\n", "colour"},
                 {"size,size\n1,2\n", "twice"},
                 {"size,color\n1\n", "1 values"},
                 {"size,color\n1,\"red\n", "quoted"},
                 // Where it is: the row and the column.
                 {"size,color\n1,red\n2,green\n", "row 2 of the CSV (line 3): \"color\" must be one of"},
                 {"size,color\n1,red\nx,red\n", "row 2 of the CSV (line 3): \"size\" must be a number"},
                 {"size,color\n,red\n", "row 1 of the CSV (line 2): \"size\" is missing"},
                 {R"([{"size":7,"color":"red"},{"size":7,"color":"grey"}])", "row 2: \"color\""}};
    for (const auto& each : wrong) {
        INFO(std::string{each.text});
        CHECK_MESSAGE(failure(each.text, "", one).find(each.said) != std::string::npos, failure(each.text, "", one));
    }
}

TEST_CASE("a category that is a number is met by the same number, however it is written") {
    const auto one =
        manifest(R"({"name":"r","kind":"row","shape":[3],"columns":[{"name":"class","categories":["1","2","3.50"]}]})");
    const auto taken = [&](const std::string& text, const char* type) {
        return numbers<float>(preprocess(text, type, one).tensors[0]);
    };
    const std::vector<float> second{0, 1, 0};
    for (const auto* value : {"2", "2.0", "\"2\"", "\"2.0\"", "2e0"})
        CHECK_MESSAGE(taken(std::string{R"({"class":)"} + value + "}", "application/json") == second, value);
    CHECK(taken(R"({"class":3.5})", "application/json") == std::vector<float>{0, 0, 1});
    CHECK(taken("class\n1.0\n", "text/csv") == std::vector<float>{1, 0, 0});
    for (const auto* value : {"2.5", "\"two\"", "\"\"", "1e99"})
        CHECK_MESSAGE(
            failure(std::string{R"({"class":)"} + value + "}", "application/json", one).find("one of 1, 2, 3.50") !=
                std::string::npos,
            value);
}

TEST_CASE("an unknown category is refused, ignored or has a place of its own, as the manifest says") {
    const auto with = [](const char* shape, const char* unknown) {
        return manifest(std::string{R"({"name":"r","kind":"row","shape":)"} + shape +
                        R"(,"columns":[{"name":"plan","categories":["free","team"])" + unknown +
                        R"(},{"name":"size"}]})");
    };
    const auto known = R"({"plan":"team","size":5})", unknown = R"({"plan":"gold","size":5})";
    const auto ignoring = with("[3]", R"(,"unknown":"ignore")"), placing = with("[4]", R"(,"unknown":"own_place")"),
               refusing = with("[3]", R"(,"unknown":"refuse")");
    CHECK(numbers<float>(preprocess(unknown, "", ignoring).tensors[0]) == std::vector<float>{0, 0, 5});
    CHECK(numbers<float>(preprocess(known, "", ignoring).tensors[0]) == std::vector<float>{0, 1, 5});
    CHECK(numbers<float>(preprocess(unknown, "", placing).tensors[0]) == std::vector<float>{0, 0, 1, 5});
    CHECK(numbers<float>(preprocess(known, "", placing).tensors[0]) == std::vector<float>{0, 1, 0, 5});
    CHECK(failure(unknown, "", refusing).find("one of free, team") != std::string::npos);
    CHECK(failure(unknown, "", with("[3]", "")).find("one of free, team") != std::string::npos);
    CHECK(failure(R"({"size":5})", "", ignoring).find("missing") != std::string::npos); // absent is not unknown
}

TEST_CASE("a category that is a number may be written as any number is") {
    const auto one = manifest(
        R"({"name":"r","kind":"row","shape":[4],"columns":[{"name":"floor","categories":["-1","0","1","2.5"]}]})");
    const auto chosen = [&](const char* text, const char* type) {
        return numbers<float>(preprocess(text, type, one).tensors[0]);
    };
    const std::vector<float> first{0, 0, 1, 0}, half{0, 0, 0, 1}, below{1, 0, 0, 0};
    for (const auto* text : {R"({"floor":1})", R"({"floor":1.0})", R"({"floor":"1"})", R"({"floor":"1.0"})",
                             R"({"floor":1e0})", R"({"floor":"1e0"})"})
        CHECK_MESSAGE(chosen(text, "application/json") == first, text);
    CHECK(chosen("floor\n1.0\n", "text/csv") == first);
    CHECK(chosen("floor\n2.50\n", "text/csv") == half);
    CHECK(chosen(R"({"floor":2.5})", "") == half);
    CHECK(chosen(R"({"floor":-1.0})", "") == below);
    CHECK(failure(R"({"floor":1.5})", "", one).find("-1, 0, 1, 2.5") != std::string::npos);
    const auto exact =
        manifest(R"({"name":"r","kind":"row","shape":[2],"columns":[{"name":"code","categories":["1","1.0"]}]})");
    CHECK(numbers<float>(preprocess(R"({"code":"1.0"})", "", exact).tensors[0]) ==
          std::vector<float>{0, 1}); // as it is written, first
}

TEST_CASE("quoted values of a CSV may have commas, line ends and quotes in them") {
    const auto one = manifest(
        R"({"name":"r","kind":"row","shape":[2],"columns":[{"name":"a,b","categories":["say \"hi\"","two\nlines"]}]})");
    CHECK(numbers<float>(preprocess("\"a,b\"\n\"say \"\"hi\"\"\"\n\"two\nlines\"", "text/csv", one).tensors[0]) ==
          std::vector<float>{1, 0, 0, 1});
}

TEST_CASE("a column may be called as the forms of the request are") {
    const auto one = manifest(R"({"name":"r","kind":"row","shape":[2],"columns":[{"name":"data"},{"name":"inputs"}]})");
    CHECK(numbers<float>(preprocess(R"({"data":3,"inputs":4})", "", one).tensors[0]) == std::vector<float>{3, 4});
}
