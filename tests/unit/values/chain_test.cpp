// The steps of a chain: how its manifest is read, and what the models of its steps have to be to each other.
#include "values/manifest.hpp"

#include <doctest/doctest.h>

#include <fmt/format.h>

#include <string>
#include <vector>

using namespace millrace;
using namespace millrace::values;

namespace {

std::string chain_of(const std::string& steps, const std::string& more = "") {
    return fmt::format(R"({{"format":1,"name":"chain","task":"chain","steps":[{}]{}}})", steps, more);
}

Manifest read(const std::string& text) {
    auto manifest = Manifest::parse(text);
    REQUIRE_MESSAGE(manifest.has_value(), (manifest ? "" : manifest.error().detail));
    const auto again = Manifest::from_json(manifest->to_json());
    REQUIRE_MESSAGE(again.has_value(), (again ? "" : again.error().detail));
    CHECK(json::serialize(again->to_json()) == json::serialize(manifest->to_json())); // the normal form is one
    return *manifest;
}

void check_refused(const std::string& steps, const std::string& said, const std::string& more = "") {
    INFO(steps);
    const auto refused = Manifest::parse(chain_of(steps, more));
    REQUIRE(!refused);
    CHECK(refused.error().code == Code::unprocessable);
    CHECK_MESSAGE(refused.error().detail.find(said) != std::string::npos, refused.error().detail);
}

const std::string find = R"({"name":"find","model":"finder","version":2})",
                  encode = R"({"name":"encode","model":"encoder","version":1})";
const std::string crop = R"({"name":"kind","model":"kinds","version":1,"crop":{"of":"find"}})";
const std::string head = R"({"name":"head","model":"head","version":3,"inputs":{"x":"encode.y"}})";

const std::string finder =
    R"({"format":1,"name":"finder","task":"object_detection","input":{"kind":"image","color":"rgb","shape":[3,40,40]},
    "outputs":[{"name":"boxes","shape":[-1,4]},{"name":"scores","shape":[-1]},{"name":"labels","datatype":"INT64","shape":[-1]}],
    "labels":["a","b"],"postprocess":{"kind":"objects"},"limits":{"max_input_bytes":5000,"timeout_seconds":2}})";
std::string kinds(const std::string& input = R"({"kind":"image","color":"gray","shape":[1,8,8]})") {
    return R"({"format":1,"name":"kinds","task":"classification","input":)" + input +
           R"(,"output":{"shape":[2]},"labels":["c","d"],"postprocess":{"kind":"softmax_top_k"},"limits":{"max_input_bytes":4000,"timeout_seconds":3}})";
}
std::string tensors(const std::string& inputs, const std::string& outputs) {
    return R"({"format":1,"name":"t","task":"tensor","inputs":[)" + inputs + R"(],"outputs":[)" + outputs + "]}";
}
const std::string x = R"({"name":"x","kind":"tensor","shape":[-1,4]})", y = R"({"name":"y","shape":[3,4]})";

Result<Manifest> joined(const std::string& chain, const std::vector<std::string>& models) {
    auto manifest = read(chain);
    std::vector<Manifest> steps;
    for (const auto& text : models) steps.push_back(read(text));
    std::vector<const Manifest*> all;
    for (const auto& step : steps) all.push_back(&step);
    if (auto sound = join_steps(manifest, all); !sound) return sound.error();
    return manifest;
}

std::string why_not(const std::string& chain, const std::vector<std::string>& models) {
    const auto refused = joined(chain, models);
    REQUIRE(!refused);
    CHECK(refused.error().code == Code::unprocessable);
    return refused.error().detail;
}

} // namespace

TEST_CASE("the steps of a chain are read, and a version is a number or its text") {
    const auto manifest = read(chain_of(
        find + R"(,{"name":"kind","model":"kinds","version":"7","crop":{"of":"find","most":4,"margin":0.25}})"));
    REQUIRE(manifest.steps.size() == 2);
    CHECK(manifest.steps[0].version == 2);
    CHECK(manifest.steps[1].version == 7);
    REQUIRE(manifest.steps[1].crop.has_value());
    CHECK(manifest.steps[1].crop->most == 4);
    CHECK(manifest.steps[1].crop->margin == 0.25);
    CHECK(crops(manifest));
    CHECK(title(manifest.steps[1]) == "step \"kind\" (kinds/7)");
    const auto other = read(chain_of(encode + "," + head, R"(,"fallback":{"model":"small"})"));
    CHECK(other.steps[1].inputs.front().output == "y");
    CHECK(other.fallback->model == "small");
    CHECK_FALSE(crops(other));
}

TEST_CASE("a chain that contradicts itself is refused with the member") {
    check_refused("", "1 to 16 steps");
    std::string many;
    for (int i = 0; i < 17; ++i) many += fmt::format(R"({}{{"name":"s{}","model":"m"}})", i ? "," : "", i);
    check_refused(many, "1 to 16 steps");
    check_refused(find + "," + find, "name\": find is there twice");
    check_refused(R"({"name":"a.b","model":"m"})", "\"name\" must have");
    check_refused(R"({"name":"a","model":"No"})", "\"model\" must be the name");
    check_refused(R"({"name":"a","model":"m","version":0})", "version");
    check_refused(R"({"name":"a","model":"m","version":"new"})", "must be the number of a version");
    check_refused(R"({"name":"a","model":"m","most":1})", "most");
    check_refused(crop, "the first step takes the request's input");
    check_refused(encode + R"(,{"name":"b","model":"m"})", "either \"inputs\"");
    check_refused(encode + R"(,{"name":"b","model":"m","inputs":{"x":"encode.y"},"crop":{"of":"encode"}})",
                  "either \"inputs\"");
    check_refused(encode + R"(,{"name":"b","model":"m","inputs":{"x":"encode"}})", "STEP.OUTPUT");
    check_refused(encode + R"(,{"name":"b","model":"m","inputs":{}})", "1 to 32 inputs");
    check_refused(
        encode + R"(,{"name":"b","model":"m","inputs":{"x":"c.y"}},{"name":"c","model":"m","inputs":{"x":"encode.y"}})",
        "\"c\" is none of the steps before it");
    check_refused(encode + R"(,{"name":"b","model":"m","inputs":{"x":"b.y"}})", "\"b\" is none of the steps before it");
    check_refused(find + R"(,{"name":"b","model":"m","crop":{"of":"other"}})",
                  "\"other\" is none of the steps before it");
    check_refused(find + "," + crop + R"(,{"name":"b","model":"m","crop":{"of":"kind"}})", "must be the first step");
    check_refused(find + R"(,{"name":"box","model":"m","crop":{"of":"find"}})", "a member box already");
    check_refused(find + R"(,{"name":"b","model":"m","crop":{"of":"find","most":0}})", "most");
    check_refused(find + R"(,{"name":"b","model":"m","crop":{"of":"find","margin":-1}})", "margin");
    check_refused(find + "," + crop + R"(,{"name":"b","model":"m","inputs":{"x":"find.y"}})",
                  "either crops pictures or hands outputs on");
    check_refused(encode + "," + head + R"(,{"name":"b","model":"m","inputs":{"x":"encode.y"}})",
                  "no step takes an output of step \"head\"");
    for (const auto* member :
         {R"(,"labels":["a"])", R"(,"input":{})", R"(,"cache":{"seconds":1})", R"(,"limits":{})", R"(,"batching":{})"})
        check_refused(find, "belongs to the models of the steps", member);
    CHECK(!Manifest::parse(
        R"({"format":1,"name":"m","task":"tensor","input":{"kind":"tensor","shape":[1]},"output":{"shape":[1]},"steps":[]})"));
}

TEST_CASE("a chain shows the first step's input and the last one's answer, within the limits of all") {
    const auto chain = joined(chain_of(find + "," + crop), {finder, kinds()});
    REQUIRE_MESSAGE(chain.has_value(), (chain ? "" : chain.error().detail));
    CHECK(chain->inputs.front().image.height == 40);
    CHECK(chain->labels == std::vector<std::string>{"c", "d"});
    CHECK(chain->max_input_bytes == 4000); // the same picture goes to both
    CHECK(chain->timeout_seconds == 5);
    CHECK(joined(chain_of(encode + "," + head), {tensors(x, y), tensors(x, y)}).has_value());
}

TEST_CASE("outputs fit the inputs that take them, as far as both are fixed") {
    const auto chain = chain_of(encode + "," + head);
    const auto refused = [&](const std::string& inputs, const std::string& outputs) {
        return why_not(chain, {tensors(x, outputs), tensors(inputs, y)});
    };
    const std::string wide = R"({"name":"x","kind":"tensor","shape":[3,5]})",
                      longer = R"({"name":"x","kind":"tensor","shape":[3,4,1]})";
    CHECK(refused(wide, y) ==
          "manifest: step \"head\" (head/3): \"encode.y\" is FP32 [3,4], but the input \"x\" takes FP32 [3,5]");
    CHECK(refused(longer, y).find("takes FP32 [3,4,1]") != std::string::npos);
    CHECK(refused(R"({"name":"x","kind":"tensor","datatype":"INT64","shape":[3,4]})", y).find("takes INT64") !=
          std::string::npos);
    CHECK(refused(x, R"({"name":"z","shape":[3,4]})").find("has no such output; it gives z") != std::string::npos);
    CHECK(refused(R"({"name":"w","kind":"tensor","shape":[3,4]})", y).find("no input \"x\"") != std::string::npos);
    CHECK(refused(x + R"(,{"name":"w","kind":"tensor","shape":[1]})", y).find("needs the input \"w\"") !=
          std::string::npos);
    CHECK(refused(x, R"({"name":"y","shape":[3,4],"optional":true})").find("may be missing") != std::string::npos);
    CHECK(joined(chain, {tensors(x, y), tensors(x + R"(,{"name":"w","kind":"tensor","shape":[1],"optional":true})", y)})
              .has_value());
    CHECK(joined(chain, {tensors(x, R"({"name":"y","shape":[-1,4]})"), tensors(x, y)}).has_value());
}

TEST_CASE("crops are of a detector's picture and go to a model that takes one") {
    const auto chain = chain_of(find + "," + crop);
    CHECK(why_not(chain, {kinds(), kinds()})
              .find("step \"find\" (finder/2) is no detector: its task is classification") != std::string::npos);
    CHECK(why_not(chain, {finder, kinds(R"({"kind":"tensor","shape":[4]})")}).find("gives one picture") !=
          std::string::npos);
    CHECK(
        why_not(chain, {finder, kinds(R"({"kind":"image","color":"gray","shape":[1,8,8],"orientation":"as_stored"})")})
            .find("boxes would lie elsewhere") != std::string::npos);
    CHECK(why_not(chain, {finder, chain}).find("it is a chain itself") != std::string::npos);
    const std::string map =
        R"({"format":1,"name":"map","task":"pixel_classification","input":{"kind":"image","color":"gray","shape":[1,8,8]},
        "output":{"shape":[2,8,8]},"labels":["a","b"],"postprocess":{"kind":"argmax_map","colors":["#000000","#ffffff"]}})";
    CHECK(why_not(chain, {finder, map}).find("pixel_classification") != std::string::npos);
}
