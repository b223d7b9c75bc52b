// The members of a manifest about inputs beyond one image or tensor: pictures, texts and rows.
#include "unit/values/manifest_texts.hpp"

#include <fstream>
#include <iterator>

using namespace millrace;
using namespace millrace::values;
using namespace millrace::values::test;

TEST_CASE("the manifests of the documentation are sound") {
    std::ifstream page{MILLRACE_SOURCE_DIR "/docs/models.md"};
    const std::string text{std::istreambuf_iterator<char>{page}, {}};
    int found = 0;
    for (std::size_t at = 0; (at = text.find("```json\n", at)) != std::string::npos; ++found) {
        const auto end = text.find("```", at + 8);
        read(text.substr(at + 8, end - at - 8));
        at = end;
    }
    CHECK(found >= 5);
}

TEST_CASE("an image may be resized by its shorter side and cropped, interleaved, and left as bytes") {
    const auto m = read(image(R"("color":"rgb","layout":"hwc","shape":[224,200,3],"datatype":"UINT8",
        "resize":{"shorter":256},"crop":[224,200])"));
    const auto& rule = m.inputs[0].image;
    CHECK(rule.layout == ImageLayout::hwc);
    CHECK(rule.resize_shorter == 256);
    CHECK(rule.resize_height == 0);
    CHECK(rule.height == 224);
    CHECK(rule.width == 200);
    const auto cropped = read(image(R"("color":"gray","shape":[1,8,6],"resize":[10,12],"crop":[8,6])"));
    CHECK(cropped.inputs[0].image.resize_height == 10);
    CHECK(cropped.inputs[0].image.resize_width == 12);
    CHECK(cropped.inputs[0].image.scale == doctest::Approx(1.0 / 255));
}

TEST_CASE("bands are as many as the shape has, and keep their values where nothing is said") {
    const auto m = read(image(R"("color":"bands","shape":[13,64,64])"));
    CHECK(m.inputs[0].image.channels == 13);
    CHECK(m.inputs[0].image.scale == 1);
    CHECK(m.inputs[0].image.mean.size() == 13);
}

TEST_CASE("an image rule that contradicts itself is refused") {
    check_refused({
        {image(R"("color":"rgb","shape":[224,224,3])"), "3 channels"},
        {image(R"("color":"rgb","layout":"hwc","shape":[3,224,224])"), "3 channels"},
        {image(R"("color":"rgb","layout":"nchw","shape":[3,8,8])"), "layout"},
        {image(R"("color":"rgb","shape":[3,8,8],"resize":{"shorter":16})"), "crop"},
        {image(R"("color":"rgb","shape":[3,8,8],"resize":{"shorter":7},"crop":[8,8])"), "shorter"},
        {image(R"("color":"rgb","shape":[3,8,8],"resize":{"longer":9},"crop":[8,8])"), "longer"},
        {image(R"("color":"rgb","shape":[3,8,8],"resize":{},"crop":[8,8])"), "shorter"},
        {image(R"("color":"rgb","shape":[3,8,8],"crop":[8,8])"), "resize"},
        {image(R"("color":"rgb","shape":[3,8,8],"resize":[9,9],"crop":[8,7])"), "crop"},
        {image(R"("color":"rgb","shape":[3,8,8],"resize":[9,7],"crop":[8,8])"), "resize"},
        {image(R"("color":"rgb","shape":[3,8,8],"resize":"big")"), "resize"},
        {image(R"("color":"rgb","shape":[3,8,8],"datatype":"UINT8","scale":1)"), "scale"},
        {image(R"("color":"rgb","shape":[3,8,8],"datatype":"UINT8","mean":[1,2,3])"), "mean"},
        {image(R"("color":"bands","shape":[3,8,8],"datatype":"UINT8")"), "FP32"},
        {image(R"("color":"bands","shape":[513,8,8])"), "512"},
        {image(R"("color":"rgb","shape":[3,8,8],"tokenizer":{})"), "tokenizer"},
        {image(R"("color":"rgb","shape":[3,8,8],"columns":[])"), "columns"},
    });
}

TEST_CASE("a text has a tokenizer, whose special tokens are numbers or words of its vocabulary") {
    const auto bytes = read(text("[16]", R"({"kind":"bytes","padding":256,"begin":257,"end":258})"));
    CHECK(bytes.inputs[0].text.tokenizer == Tokenizer::bytes);
    CHECK(bytes.inputs[0].text.length == 16);
    CHECK(bytes.inputs[0].text.begin == 257);
    const auto words = read(text("[4]", R"({"kind":"words","lowercase":true,"vocabulary":["<pad>","<unk>","good","bad"],
        "unknown":"<unk>","padding":"<pad>"})"));
    CHECK(words.inputs[0].text.unknown == 1);
    CHECK(words.inputs[0].text.padding == 0);
    CHECK(words.inputs[0].text.lowercase);
    CHECK_FALSE(words.inputs[0].text.end.has_value());
    CHECK(words.inputs[0].text.vocabulary.size() == 4);
}

TEST_CASE("a text rule that contradicts itself is refused") {
    check_refused({
        {manifest_of(R"({"kind":"text","datatype":"INT64","shape":[4]})"), "tokenizer"},
        {manifest_of(R"({"kind":"text","shape":[4],"tokenizer":{"kind":"bytes"}})"), "INT64"},
        {text("[-1]", R"({"kind":"bytes"})"), "length"},
        {text("[4,4]", R"({"kind":"bytes"})"), "length"},
        {text("[2]", R"({"kind":"bytes","begin":1,"end":2})"), "no place"},
        {text("[4]", R"({"kind":"sentence"})"), "kind"},
        {text("[4]", R"({"kind":"bytes","vocabulary":["a"]})"), "vocabulary"},
        {text("[4]", R"({"kind":"bytes","unknown":7})"), "unknown"},
        {text("[4]", R"({"kind":"words"})"), "vocabulary"},
        {text("[4]", R"({"kind":"words","vocabulary":["a","a"]})"), "twice"},
        {text("[4]", R"({"kind":"words","vocabulary":["a",""]})"), "vocabulary"},
        {text("[4]", R"({"kind":"words","vocabulary":["a"],"padding":1})"), "padding"},
        {text("[4]", R"({"kind":"words","vocabulary":["a"],"padding":-1})"), "padding"},
        {text("[4]", R"({"kind":"words","vocabulary":["a"],"begin":"b"})"), "begin"},
        {text("[4]", R"({"kind":"words","vocabulary":["a"],"lower":true})"), "lower"},
        {manifest_of(R"({"kind":"text","datatype":"INT64","shape":[4],"color":"rgb","tokenizer":{"kind":"bytes"}})"),
         "color"},
    });
}

TEST_CASE("a row has a place for each number and each category") {
    const auto m = read(row("[4]", R"([{"name":"age","mean":40,"std":12,"missing":40},{"name":"size"},
        {"name":"color","categories":["red","blue"]}])"));
    const auto& columns = m.inputs[0].columns;
    REQUIRE(columns.size() == 3);
    CHECK(columns[0].deviation == 12);
    CHECK(columns[0].missing == 40);
    CHECK_FALSE(columns[1].missing.has_value());
    CHECK(columns[2].categories == std::vector<std::string>{"red", "blue"});
}

TEST_CASE("a row rule that contradicts itself is refused") {
    check_refused({
        {manifest_of(R"({"kind":"row","shape":[1]})"), "columns"},
        {manifest_of(R"({"kind":"row","shape":[1],"datatype":"INT64","columns":[{"name":"a"}]})"), "FP32"},
        {row("[1]", "[]"), "columns"},
        {row("[1]", "[1]"), "objects"},
        {row("[1]", R"([{"mean":1}])"), "name"},
        {row("[2]", R"([{"name":"a"},{"name":"a"}])"), "twice"},
        {row("[2]", R"([{"name":"a"}])"), "[1]"},
        {row("[1]", R"([{"name":"a","categories":["x","y"]}])"), "[2]"},
        {row("[1]", R"([{"name":"a","std":0}])"), "std"},
        {row("[1]", R"([{"name":"a","categories":["x"],"mean":1}])"), "mean"},
        {row("[1]", R"([{"name":"a","categories":[]}])"), "categories"},
        {row("[1]", R"([{"name":"a","default":1}])"), "columns[0]"},
        {row("[1]", R"([{"name":"a","categories":["x"],"unknown":"own_place"}])"), "[2]"},
        {row("[1]", R"([{"name":"a","categories":["x"],"unknown":"other"}])"), "unknown"},
        {row("[1]", R"([{"name":"a","unknown":"ignore"}])"), "categories"},
    });
}
