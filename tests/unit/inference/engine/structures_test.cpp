// Models whose forward() takes and gives dicts, lists, tuples and what may be absent, through a real worker and
// libtorch.
#include "unit/inference/engine_fixture.hpp"

#include <fmt/format.h>

#include <cstring>

using namespace millrace::inference::testing;

namespace {

std::shared_ptr<const ModelVersion> structure(const std::string& file, const std::string& inputs,
                                              const std::string& outputs) {
    static int made = 0; // the engine knows a model by its name
    return model_of(file + ".pt", R"({"format":1,"name":")" + file + std::to_string(++made) +
                                      R"(","task":"tensor","inputs":[)" + inputs + R"(],"outputs":[)" + outputs +
                                      R"(],"batching":{"max_batch":8}})");
}

const std::string x4 = R"({"name":"x","kind":"tensor","shape":[4]})";

json::value numbers_of(const Outcome& outcome, const char* name) {
    REQUIRE_MESSAGE(outcome.has_value(), said(outcome));
    for (const auto& output : outcome->result.at("outputs").as_array())
        if (output.at("name").as_string() == name) return output.at("data");
    return nullptr;
}

// As text, for comparing.
std::string data_of(const Outcome& outcome, const char* name) {
    std::string text;
    const auto data = numbers_of(outcome, name);
    if (!data.is_array()) return "absent";
    for (const auto& each : data.as_array())
        text += (text.empty() ? "" : ",") + fmt::format("{:g}", each.to_number<double>());
    return text;
}

std::string refusal(Fixture& f, std::shared_ptr<const ModelVersion> model) {
    const auto report = f.check(std::move(model));
    return report ? "accepted" : report.error().detail;
}

Tensor floats(const std::string& name, values::Shape shape, const std::vector<float>& values) {
    Tensor tensor{name, values::Datatype::fp32, std::move(shape), std::string(values.size() * sizeof(float), 0)};
    std::memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
    return tensor;
}

} // namespace

TEST_CASE("the tensors of a dict are outputs by their keys, in any order and as many as are wanted") {
    if (!has_runtime()) return;
    Fixture f;
    const auto both = structure("gives_dict", x4, R"({"name":"hidden","shape":[4]},{"name":"logits","shape":[4]})");
    const auto outcome = f.run(both, json_input("[1,2,3,4]"));
    CHECK(data_of(outcome, "hidden") == "2,3,4,5");
    CHECK(data_of(outcome, "logits") == "2,4,6,8");
    const auto renamed = structure("gives_dict", x4, R"({"name":"y","key":"hidden","shape":[4]})");
    CHECK(data_of(f.run(renamed, json_input("[1,2,3,4]")), "y") == "2,3,4,5");
    const auto none = refusal(f, structure("gives_dict", x4, R"({"name":"boxes","shape":[4]})"));
    CHECK_MESSAGE(none.find("no \"boxes\"; it returned logits, hidden") != std::string::npos, none);
    CHECK(refusal(f, structure("gives_dict", x4,
                               R"({"name":"hidden","shape":[4]},{"name":"boxes","shape":[4],"optional":true})")) ==
          "accepted");
}

TEST_CASE("the fields of a named tuple are outputs by their names, and one that is None may be optional") {
    if (!has_runtime()) return;
    Fixture f;
    const auto named =
        structure("gives_named", x4, R"({"name":"extra","shape":[4],"optional":true},{"name":"sum","shape":[1]})");
    const auto whole = f.run(named, json_input("[1,2,3,4]"));
    CHECK(data_of(whole, "sum") == "10");
    CHECK(data_of(whole, "extra") == "1,2,3,4");
    const auto part = f.run(named, json_input("[-1,2,3,4]"));
    CHECK(data_of(part, "sum") == "8");
    CHECK(data_of(part, "extra") == "absent");
    Request raw;
    raw.model = named;
    raw.input.tensors = {floats("x", {1, 4}, {-1, 0, 0, 0})};
    raw.raw = true;
    const auto tensors = f.run(std::move(raw));
    REQUIRE_MESSAGE(tensors.has_value(), said(tensors));
    REQUIRE(tensors->tensors.size() == 1);
    CHECK(tensors->tensors[0].name == "sum");
    const auto needed = structure("gives_named", x4, R"({"name":"sum","shape":[1]},{"name":"extra","shape":[4]})");
    const auto failed = f.run(needed, json_input("[-1,2,3,4]"));
    REQUIRE(!failed);
    CHECK(failed.error().message.find("no \"extra\"") != std::string::npos);
    // Names of its own: then by place, as of any tuple.
    CHECK(data_of(f.run(structure("gives_named", x4, R"({"name":"total","shape":[1]})"), json_input("[1,2,3,4]")),
                  "total") == "10");
}

TEST_CASE("nested tuples, lists and dicts are flattened, or gone into by a key with several steps") {
    if (!has_runtime()) return;
    Fixture f;
    const auto flat = f.run(
        structure(
            "gives_nested", x4,
            R"({"name":"a","shape":[4]},{"name":"b","shape":[4]},{"name":"c","shape":[4]},{"name":"d","shape":[4]})"),
        json_input("[1,2,3,4]"));
    CHECK(data_of(flat, "a") == "1,2,3,4");
    CHECK(data_of(flat, "c") == "3,6,9,12");
    CHECK(data_of(flat, "d") == "4,8,12,16");
    const auto deep =
        f.run(structure("gives_nested", x4,
                        R"({"name":"d","key":[1,1,"deep"],"shape":[4]},{"name":"second","key":[1,0,1],"shape":[4]})"),
              json_input("[1,2,3,4]"));
    CHECK(data_of(deep, "d") == "4,8,12,16");
    CHECK(data_of(deep, "second") == "3,6,9,12");
    const auto vague = refusal(f, structure("gives_nested", x4, R"({"name":"d","key":[1,0],"shape":[4]})"));
    CHECK_MESSAGE(vague.find("\"key\"") != std::string::npos, vague);
    const auto beyond = refusal(f, structure("gives_nested", x4, R"({"name":"d","key":[1,0,7],"shape":[4]})"));
    CHECK_MESSAGE(beyond.find("1.1.deep") != std::string::npos, beyond);
}

TEST_CASE("a list argument gets the rows of the batch, and a list of dicts gives each row its own") {
    if (!has_runtime()) return;
    Fixture f;
    const auto detector = structure(
        "detects", R"({"name":"image","kind":"tensor","shape":[1,2,2]})",
        R"({"name":"boxes","key":[1,"*","boxes"],"shape":[-1,4]},{"name":"labels","key":[1,"*","labels"],"datatype":"INT64","shape":[-1]})");
    const auto two = f.run(detector, json_input("[[[2,2],[2,2]]]"));
    CHECK(data_of(two, "boxes") == "0,0,4,6,10,10,14,16");
    CHECK(data_of(two, "labels") == "1,2");
    const auto nothing = f.run(detector, json_input("[[[0,0],[0,0]]]"));
    CHECK(data_of(nothing, "boxes").empty());
    CHECK(nothing->result.at("outputs").at(0).at("shape") == json::value{0, 4});
    // Requests of one batch get their own number of boxes.
    std::vector<std::future<Outcome>> futures;
    for (int i = 0; i < 8; ++i)
        futures.push_back(f.send(detector, json_input(fmt::format("[[[{0},{0}],[{0},{0}]]]", i % 4))));
    for (int i = 0; i < 8; ++i) {
        const auto outcome = futures[static_cast<std::size_t>(i)].get();
        CHECK(numbers_of(outcome, "labels").as_array().size() == static_cast<std::size_t>(i % 4));
    }
    const auto equal = f.run(detector, json_input("[[[[1,1],[1,1]]],[[[1,1],[1,1]]]]"));
    REQUIRE_MESSAGE(equal.has_value(), said(equal));
    CHECK(equal->result.at("outputs").at(0).at("shape") == json::value{2, 1, 4});
    const auto unequal = f.run(detector, json_input("[[[[1,1],[1,1]]],[[[2,2],[2,2]]]]"));
    REQUIRE(!unequal);
    CHECK(unequal.error().message.find("one by one") != std::string::npos);
}

TEST_CASE("inputs are arguments by name, and one that is left out is None or its default") {
    if (!has_runtime()) return;
    Fixture f;
    const auto model = structure("takes_names",
                                 R"({"name":"minus","argument":"third","kind":"tensor","shape":[2],"optional":true},
                                    {"name":"first","argument":"first","kind":"tensor","shape":[2]},
                                    {"name":"plus","argument":"second","kind":"tensor","shape":[2],"optional":true})",
                                 R"({"name":"y","shape":[2]})");
    const auto first = R"({"name":"first","data":[1,2]})", plus = R"({"name":"plus","data":[10,10]})",
               minus = R"({"name":"minus","data":[1,1]})";
    const auto with = [&](const std::string& list) { return f.run(model, json_input(R"({"inputs":[)" + list + "]}")); };
    CHECK(data_of(with(first), "y") == "2,4");
    CHECK(data_of(with(std::string{plus} + "," + first), "y") == "12,14");
    CHECK(data_of(with(std::string{first} + "," + minus), "y") == "1,3");
    CHECK(data_of(with(std::string{minus} + "," + plus + "," + first), "y") == "11,13");
    const auto missing = with(plus);
    REQUIRE(!missing);
    CHECK_MESSAGE(missing.error().message.find("\"first\" is missing") != std::string::npos, missing.error().message);
    // As ready tensors; with and without it are two passes.
    std::vector<std::future<Outcome>> futures;
    for (int i = 0; i < 6; ++i) {
        Request request;
        request.model = model;
        request.raw = true;
        Tensor absent{"minus", values::Datatype::fp32, {}, {}, true};
        request.input.tensors = {i % 2 ? floats("minus", {1, 2}, {1, 1}) : absent,
                                 floats("first", {1, 2}, {1, 2}),
                                 {"plus", values::Datatype::fp32, {}, {}, true}};
        futures.push_back(f.send(std::move(request)));
    }
    for (int i = 0; i < 6; ++i) {
        const auto outcome = futures[static_cast<std::size_t>(i)].get();
        REQUIRE_MESSAGE(outcome.has_value(), said(outcome));
        float value = 0;
        std::memcpy(&value, outcome->tensors.at(0).bytes.data(), sizeof value);
        CHECK(value == (i % 2 ? 1 : 2));
    }
}

TEST_CASE("several inputs make one dict or one tuple") {
    if (!has_runtime()) return;
    Fixture f;
    const auto dict = structure(
        "takes_dict",
        R"({"name":"a","kind":"tensor","shape":[3]},{"name":"b","kind":"tensor","shape":[3],"optional":true})",
        R"({"name":"y","shape":[3]})");
    CHECK(data_of(f.run(dict, json_input(R"({"inputs":[{"name":"a","data":[1,2,3]},{"name":"b","data":[1,1,1]}]})")),
                  "y") == "2,3,4");
    CHECK(data_of(f.run(dict, json_input(R"({"inputs":[{"name":"a","data":[1,2,3]}]})")), "y") == "1,2,3");
    const auto keyed =
        structure("takes_dict", R"({"name":"left","argument":"batch","key":"a","kind":"tensor","shape":[3]})",
                  R"({"name":"y","key":0,"shape":[3]})");
    CHECK(data_of(f.run(keyed, json_input("[1,2,3]")), "y") == "1,2,3");
    const auto tuple = structure(
        "takes_tuple",
        R"({"name":"x","kind":"tensor","shape":[1]},{"name":"c","argument":"state","key":1,"kind":"tensor","shape":[1]},
        {"name":"h","argument":"state","key":0,"kind":"tensor","shape":[1]})",
        R"({"name":"y","key":0,"shape":[1]},{"name":"c","key":[1,1],"shape":[1]})");
    const auto outcome =
        f.run(tuple,
              json_input(R"({"inputs":[{"name":"x","data":[1]},{"name":"c","data":[10]},{"name":"h","data":[100]}]})"));
    CHECK(data_of(outcome, "y") == "101");
    CHECK(data_of(outcome, "c") == "12");
}

TEST_CASE("inputs that forward() cannot take are refused with what it takes") {
    if (!has_runtime()) return;
    Fixture f;
    const auto tensor = [](const char* name, const char* more = "") {
        return std::string{R"({"name":")"} + name + R"(","kind":"tensor","shape":[4])" + more + "}";
    };
    const auto y = R"({"name":"y","shape":[4]})";
    const struct {
        const char* file;
        std::string inputs, said;
    } cases[] = {
        {"takes_names", tensor("x", R"(,"argument":"fourth")"),
         "no argument \"fourth\"; it has first, second, scale, third"},
        {"takes_names", tensor("x", R"(,"argument":"second")"), "needs the argument \"first\""},
        {"takes_names", tensor("x") + "," + tensor("y", R"(,"argument":"first")"), "\"first\""},
        {"takes_names", tensor("x", R"(,"optional":true)") + "," + tensor("y"), "cannot be left out"},
        {"gives_dict", tensor("x") + "," + tensor("y"), "more inputs"},
        {"takes_tuple", tensor("x") + "," + tensor("s"), "\"key\""},
        {"takes_tuple", tensor("x") + "," + tensor("s", R"(,"argument":"state","key":1)"), "without a gap"},
        {"takes_tuple", tensor("x") + "," + tensor("s", R"(,"argument":"state","key":"h")"), "no place in a list"},
    };
    for (const auto& c : cases) {
        const auto why = refusal(f, structure(c.file, c.inputs, y));
        CHECK_MESSAGE(why.find(c.said) != std::string::npos, c.inputs << " said: " << why);
    }
}

TEST_CASE("half precision goes in and comes out as it is") {
    if (!has_runtime()) return;
    Fixture f;
    for (const auto* type : {"FP16", "BF16"}) {
        const auto half =
            structure("gives_dict",
                      R"({"name":"x","kind":"tensor","shape":[4],"datatype":")" + std::string{type} + "\"}",
                      R"({"name":"hidden","shape":[4],"datatype":")" + std::string{type} + "\"}");
        CHECK(data_of(f.run(half, json_input("[1,2.5,-3,0.333251953125]")), "hidden").substr(0, 8) == "2,3.5,-2");
        const auto wide =
            structure("gives_dict",
                      R"({"name":"x","kind":"tensor","shape":[4],"datatype":")" + std::string{type} + "\"}",
                      R"({"name":"hidden","shape":[4]})"); // FP32 from half precision, as before
        CHECK(data_of(f.run(wide, json_input("[1,2.5,-3,4]")), "hidden") == "2,3.5,-2,5");
        const auto mistaken = refusal(
            f, structure("gives_dict", x4, R"({"name":"hidden","shape":[4],"datatype":")" + std::string{type} + "\"}"));
        CHECK_MESSAGE(mistaken.find("the model returned FP32") != std::string::npos, mistaken);
    }
}
