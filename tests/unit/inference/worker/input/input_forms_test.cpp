#include "base/encoding.hpp"
#include "unit/inference/worker/input/read_input.hpp"
#include "unit/inference/worker/tiff_files.hpp"

using namespace millrace;
using namespace millrace::inference::worker;
using namespace millrace::inference::worker::test;

namespace {

std::string unbase64(const char* text) {
    const auto bytes = from_base64(text);
    return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
}

// numpy.savez and savez_compressed of a=array([1, 2], float32), b=array([[3], [4]], int64)
const char* const stored_npz =
    "UEsDBBQAAAAAAAAAIQCayqvniAAAAIgAAAAFABQAYS5ucHkBABAAiAAAAAAAAACIAAAAAAAAAJNOVU1QWQEAdgB7J2Rlc2NyJzogJzxmNCcsICdmb3"
    "J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgyLCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg"
    "ICAgICAgICAgICAKAACAPwAAAEBQSwMEFAAAAAAAAAAhABBFT7mQAAAAkAAAAAUAFABiLm5weQEAEACQAAAAAAAAAJAAAAAAAAAAk05VTVBZAQB2AH"
    "snZGVzY3InOiAnPGk4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDEpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAg"
    "ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoDAAAAAAAAAAQAAAAAAAAAUEsBAhQDFAAAAAAAAAAhAJrKq+"
    "eIAAAAiAAAAAUAAAAAAAAAAAAAAIABAAAAAGEubnB5UEsBAhQDFAAAAAAAAAAhABBFT7mQAAAAkAAAAAUAAAAAAAAAAAAAAIABvwAAAGIubnB5UEsF"
    "BgAAAAACAAIAZgAAAIYBAAAAAA==";
const char* const deflated_npz =
    "UEsDBBQAAAAIAAAAIQCayqvnTAAAAIgAAAAFABQAYS5ucHkBABAAiAAAAAAAAABMAAAAAAAAAJvsF+"
    "obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GkY6mjoKtQoUAC4GhgZ7BgYGBwBQSwMEFAAAAAgAAAAh"
    "ABBFT7lMAAAAkAAAAAUAFABiLm5weQEAEACQAAAAAAAAAEwAAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWgbpNpoa6joJ6WX1RSlJgXn1+"
    "UkgoSd0vMKU4FihdnJBakAvkaRjoKhpo6CrUKZAMuZgYIYIHSAFBLAQIUAxQAAAAIAAAAIQCayqvnTAAAAIgAAAAFAAAAAAAAAAAAAACAAQAAAABhL"
    "m5weVBLAQIUAxQAAAAIAAAAIQAQRU+5TAAAAJAAAAAFAAAAAAAAAAAAAACAAYMAAABiLm5weVBLBQYAAAAAAgACAGYAAAAGAQAAAAA=";

const std::string a = R"({"name":"a","kind":"tensor","shape":[2]})",
                  b = R"({"name":"b","kind":"tensor","datatype":"INT64","shape":[2,1]})";
const std::string words =
    R"({"name":"t","kind":"text","datatype":"INT64","shape":[3],"tokenizer":{"kind":"words","vocabulary":["<pad>","<unk>","good","day"],"unknown":1}})";
const std::string photo = R"({"name":"p","kind":"image","color":"gray","datatype":"UINT8","shape":[1,1,2]})";

} // namespace

TEST_CASE("several inputs come by name, as npz or JSON, in any order") {
    const auto two = manifest(a + "," + b);
    for (const auto* text : {stored_npz, deflated_npz}) {
        const auto input = preprocess(unbase64(text), "", two);
        REQUIRE(input.tensors.size() == 2);
        CHECK(input.rows == 1);
        CHECK(numbers<float>(input.tensors[0]) == std::vector<float>{1, 2});
        CHECK(numbers<std::int64_t>(input.tensors[1]) == std::vector<std::int64_t>{3, 4});
    }
    const auto json = preprocess(
        R"({"inputs":[{"name":"b","shape":[2,1],"datatype":"INT64","data":[3,4]},{"name":"a","data":[1,2]}]})",
        "application/json", two);
    CHECK(numbers<float>(json.tensors[0]) == std::vector<float>{1, 2});
    CHECK(numbers<std::int64_t>(json.tensors[1]) == std::vector<std::int64_t>{3, 4});
    const auto rows = preprocess(R"({"inputs":[{"data":[[1,2],[3,4]]},{"data":[[[5],[6]],[[7],[8]]]}]})", "", two);
    CHECK(rows.rows == 2);
    CHECK(rows.tensors[1].shape == values::Shape{2, 1});
    CHECK(failure(R"({"inputs":[{"data":[[1,2],[3,4]]},{"data":[[5],[6]]}]})", "", two).find("numbers of rows") !=
          std::string::npos);
    CHECK(failure(R"({"inputs":[{"name":"a","data":[1,2]},{"name":"a","data":[1,2]}]})", "", two).find("twice") !=
          std::string::npos);
    CHECK(failure(R"({"inputs":[{"name":"a","data":[1,2]},{"name":"c","data":[1,2]}]})", "", two).find("a, b") !=
          std::string::npos);
    CHECK(failure(R"({"inputs":[{"name":"a","data":[1,2]}]})", "", two).find("2 objects") != std::string::npos);
    CHECK(failure(R"({"data":[1,2]})", "", two).find("inputs") != std::string::npos);
    CHECK(failure("rawbytes", "application/octet-stream", two).find("2 inputs") != std::string::npos);
    CHECK(failure(unbase64(stored_npz), "", manifest(a)).find("2 arrays") != std::string::npos);
    CHECK(
        failure(unbase64(stored_npz), "", manifest(a + R"(,{"name":"c","kind":"tensor","shape":[1]})")).find("\"c\"") !=
        std::string::npos);
}

TEST_CASE("a damaged npz is refused") {
    const auto two = manifest(a + "," + b);
    for (const auto* text : {stored_npz, deflated_npz}) {
        const auto good = unbase64(text);
        for (std::size_t n = 4; n < good.size(); n += 7) CHECK(failure(good.substr(0, n), "", two) != "taken");
        std::size_t taken = 0; // dates, permissions and sizes that are said twice mean nothing
        for (std::size_t i = 0; i < good.size(); ++i) {
            auto bad = good;
            bad[i] = static_cast<char>(bad[i] ^ 0x41);
            taken += failure(bad, "", two) == "taken";
        }
        CHECK(taken <= 80);
    }
}

TEST_CASE("raw bytes of exactly the model's size are its tensor") {
    const auto one = manifest(a);
    const float values[] = {3, -4};
    const std::string bytes{reinterpret_cast<const char*>(values), sizeof values};
    CHECK(numbers<float>(preprocess(bytes, "application/octet-stream", one).tensors[0]) == std::vector<float>{3, -4});
    CHECK(numbers<float>(preprocess("[ 1, 2 ]", "application/octet-stream", one).tensors[0]) ==
          std::vector<float>{1, 2});
    CHECK(numbers<std::int64_t>(
              preprocess("good day, good day, good", "application/octet-stream", manifest(words)).tensors[0]) ==
          std::vector<std::int64_t>{2, 3, 2}); // 24 bytes, as the three numbers have
    CHECK(failure(bytes + "x", "application/octet-stream", one).find("raw bytes") != std::string::npos);
    CHECK(failure(bytes, "application/octet-stream", manifest(R"({"kind":"tensor","shape":[-1]})")) != "taken");
    CHECK(failure(std::string{"\x02\x01", 2}, "application/octet-stream",
                  manifest(R"({"kind":"tensor","datatype":"BOOL","shape":[2]})")) != "taken");
    CHECK(numbers<std::uint8_t>(
              preprocess(std::string{"\x07\x09", 2}, "application/octet-stream", manifest(photo)).tensors[0]) ==
          std::vector<std::uint8_t>{7, 9});
}

TEST_CASE("a text comes as plain text, as JSON, or as numbers of its tokens") {
    const auto one = manifest(words);
    const std::vector<std::int64_t> expected{2, 3, 0};
    CHECK(numbers<std::int64_t>(preprocess("good day", "text/plain; charset=utf-8", one).tensors[0]) == expected);
    CHECK(numbers<std::int64_t>(preprocess("good day", "", one).tensors[0]) == expected);
    CHECK(numbers<std::int64_t>(preprocess("{good day}", "Text/Plain", one).tensors[0]) == expected);
    CHECK(numbers<std::int64_t>(preprocess(R"({"text":"good day"})", "application/json", one).tensors[0]) == expected);
    CHECK(numbers<std::int64_t>(preprocess("[2,3,0]", "application/json", one).tensors[0]) == expected);
    CHECK(numbers<std::int64_t>(
              preprocess(R"({"inputs":[{"name":"t","datatype":"BYTES","shape":[1],"data":["good day"]}]})", "", one)
                  .tensors[0]) == expected);
    for (const auto* several : {R"(["good day","bad"])", R"({"text":["good day","bad"]})"}) {
        const auto input = preprocess(several, "application/json", one);
        CHECK(input.rows == 2);
        CHECK(numbers<std::int64_t>(input.tensors[0]) == std::vector<std::int64_t>{2, 3, 0, 1, 0, 0});
    }
    CHECK(failure("\xff", "text/plain", one).find("UTF-8") != std::string::npos);
    CHECK(failure(R"({"text":7})", "", one).find("strings") != std::string::npos);
    CHECK(failure(R"({"text":[]})", "", one).find("0 rows") != std::string::npos);
    CHECK(failure(R"({"words":"x"})", "", one).find("\"text\"") != std::string::npos);
    CHECK(failure("hello", "text/plain", manifest(a)).find("a tensor") != std::string::npos);
}

TEST_CASE("a request of a sequence is refused, for no state is kept") {
    const auto one = manifest(R"({"name":"x","kind":"tensor","shape":[2]})");
    for (const auto* text :
         {R"({"data":[1,2],"sequence_id":7})", R"({"inputs":[{"data":[1,2]}],"sequence_start":true})",
          R"({"inputs":[{"data":[1,2]}],"parameters":{"sequence_id":"a"}})"})
        CHECK_MESSAGE(failure(text, "application/json", one).find("no state is kept") != std::string::npos, text);
    const auto column = manifest(R"({"name":"r","kind":"row","shape":[1],"columns":[{"name":"sequence_id"}]})");
    CHECK(numbers<float>(preprocess(R"({"sequence_id":7})", "", column).tensors[0]) == std::vector<float>{7});
}

TEST_CASE("pictures, texts and rows together come in one JSON") {
    const auto all = manifest(photo + "," + words + "," + row);
    const auto tiff =
        tiff_files::write<std::uint8_t>({.width = 2, .height = 1}, [](auto, auto x, auto) { return x * 100; });
    const auto text = R"({"inputs":[{"name":"t","text":"day"},{"name":"p","image":")" +
                      base64(std::as_bytes(std::span{tiff})) + R"("},{"name":"r","row":{"size":1,"color":"red"}}]})";
    const auto input = preprocess(text, "application/json", all);
    REQUIRE(input.tensors.size() == 3);
    CHECK(numbers<std::uint8_t>(input.tensors[0]) == std::vector<std::uint8_t>{0, 100});
    CHECK(numbers<std::int64_t>(input.tensors[1])[0] == 3);
    CHECK(numbers<float>(input.tensors[2])[2] == 1);
    CHECK(failure(R"({"inputs":[{"image":"?"},{"text":"x"},{"row":{"size":1,"color":"red"}}]})", "", all)
              .find("base64") != std::string::npos);
    CHECK(preprocess(tiff, "image/tiff", manifest(photo)).rows == 1);
    CHECK(failure(tiff, "video/mp4", manifest(photo)).find("not taken") != std::string::npos);
    CHECK(failure(tiff, "", manifest(a)).find("not an image") != std::string::npos);
}

TEST_CASE("a picture is what its bytes say, under whatever name of a picture or of nothing it comes") {
    const auto one = manifest(photo);
    const auto tiff =
        tiff_files::write<std::uint8_t>({.width = 2, .height = 1}, [](auto, auto x, auto) { return x * 100; });
    for (const auto* type : {"", "image/tiff", "IMAGE/TIFF", "image/tif", "image/x-tiff; a=b", "image/png", "image/jpg",
                             "image/*", "application/octet-stream", "Application/Octet-Stream", "binary/octet-stream",
                             "application/x-www-form-urlencoded", "text/plain", "*/*"}) {
        INFO(std::string{type});
        CHECK_MESSAGE(failure(tiff, type, one) == "taken", failure(tiff, type, one));
    }
    CHECK(failure("[1,2]", "image/png", one).find("declared") != std::string::npos);
    CHECK(failure(tiff, "application/json", one).find("declared") != std::string::npos);
    CHECK(failure(tiff, "application/pdf", one).find("not taken") != std::string::npos);
    for (const auto* type : {"image/heic", "image/jpeg", "", "application/octet-stream"})
        CHECK(failure(std::string{"\0\0\0\x18"
                                  "ftypheic\0\0\0\0mif1heic",
                                  24},
                      type, one)
                  .find("HEIC") != std::string::npos);
    CHECK(failure(std::string{"\0\0\0\x1c"
                              "ftypavif\0\0\0\0avifmif1",
                              24},
                  "", one)
              .find("AVIF") != std::string::npos);
    CHECK(failure("GIF89a\1\0\1\0", "image/gif", one).find("GIF") != std::string::npos);
}

TEST_CASE("JSON, tables and tensors are taken under the names that programs give them") {
    for (const auto* type :
         {"", "application/json", "text/json", "Application/JSON; charset=utf-8", "application/vnd.api+json",
          "text/plain;charset=UTF-8", "application/x-www-form-urlencoded"})
        CHECK_MESSAGE((numbers<float>(preprocess("[3,4]", type, manifest(a)).tensors[0]) == std::vector<float>{3, 4}),
                      std::string{type});
    for (const auto* type : {"", "text/csv", "application/csv", "application/vnd.ms-excel", "text/plain",
                             "application/octet-stream", "application/x-www-form-urlencoded"})
        CHECK_MESSAGE((numbers<float>(preprocess("size,color\n5,red\n", type, manifest(row)).tensors[0]) ==
                       std::vector<float>{0, 5, 1, 0}),
                      std::string{type});
    for (const auto* type : {"", "application/zip", "application/x-zip-compressed", "application/x-npz", "text/plain"})
        CHECK_MESSAGE(failure(unbase64(stored_npz), type, manifest(a + "," + b)) == "taken", std::string{type});
    const std::vector<std::int64_t> expected{2, 3, 0};
    for (const auto* type : {"", "text/plain", "text/markdown", "application/x-www-form-urlencoded"})
        CHECK_MESSAGE(numbers<std::int64_t>(preprocess("good day", type, manifest(words)).tensors[0]) == expected,
                      std::string{type});
    CHECK(failure("size,color\n5,red\n", "text/html", manifest(row)).find("not taken") != std::string::npos);
}

TEST_CASE("a pair of texts, and what goes with a text, comes with it") {
    const auto bert = manifest(
        R"({"name":"ids","kind":"text","datatype":"INT64","shape":[6],"tokenizer":{"kind":"word_pieces","padding":"[PAD]","unknown":"[UNK]",
        "begin":"[CLS]","end":"[SEP]","vocabulary":["[PAD]","[UNK]","[CLS]","[SEP]","a","b","c"]}},
        {"name":"mask","kind":"text","datatype":"INT32","shape":[6],"gives":"attention_mask"},
        {"name":"types","kind":"text","datatype":"INT64","shape":[6],"gives":"token_types","of":"ids"})");
    const auto check = [&](const char* json, std::vector<std::int64_t> ids, std::vector<std::int32_t> mask,
                           std::vector<std::int64_t> types) {
        const auto input = preprocess(json, "application/json", bert);
        REQUIRE(input.tensors.size() == 3);
        CHECK(numbers<std::int64_t>(input.tensors[0]) == ids);
        CHECK(numbers<std::int32_t>(input.tensors[1]) == mask);
        CHECK(numbers<std::int64_t>(input.tensors[2]) == types);
    };
    check(R"({"text":"a b"})", {2, 4, 5, 3, 0, 0}, {1, 1, 1, 1, 0, 0}, {0, 0, 0, 0, 0, 0});
    for (const auto* pair : {R"({"text":"a","text_pair":"b"})", R"({"text":["a"],"text_pair":["b"]})", R"([["a","b"]])",
                             R"({"text":[["a","b"]]})", R"({"inputs":[{"name":"ids","text":"a","text_pair":"b"}]})"})
        check(pair, {2, 4, 3, 5, 3, 0}, {1, 1, 1, 1, 1, 0}, {0, 0, 0, 1, 1, 0});
    check(R"({"tokens":[2,6,3]})", {2, 6, 3, 0, 0, 0}, {1, 1, 1, 0, 0, 0}, {0, 0, 0, 0, 0, 0});
    check(R"({"inputs":[{"name":"ids","text":"a b"},{"name":"mask","data":[1,1,0,0,0,0]}]})", {2, 4, 5, 3, 0, 0},
          {1, 1, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0});
    CHECK(numbers<std::int32_t>(preprocess("a", "text/plain", bert).tensors[1]) ==
          std::vector<std::int32_t>{1, 1, 1, 0, 0, 0});
    CHECK(failure(R"({"inputs":[{"name":"ids","data":[2,4,3,0,0,0]}]})", "", bert) == "the input \"mask\" is missing");
    CHECK(failure(R"({"text":["a","b"],"text_pair":["c"]})", "", bert).find("as many") != std::string::npos);
    CHECK(failure(R"({"text":"a","text_pair":["c"]})", "", bert).find("one text") != std::string::npos);
    CHECK(failure(R"([["a","b","c"]])", "", bert).find("two strings") != std::string::npos);
}

TEST_CASE("what goes with a text names a text before it, of the same shape") {
    const auto refused = [](const std::string& inputs) {
        const auto m = values::Manifest::parse(
            R"({"format":1,"name":"m","task":"tensor","output":{"shape":[1]},"inputs":[)" + inputs + "]}");
        return m ? std::string{"taken"} : m.error().detail;
    };
    const std::string ids =
        R"({"name":"ids","kind":"text","datatype":"INT64","shape":[6],"tokenizer":{"kind":"bytes"}})";
    const std::string mask = R"({"name":"mask","kind":"text","datatype":"INT64","shape":[6],"gives":"attention_mask"})";
    CHECK(refused(ids + "," + mask) == "taken");
    CHECK(refused(mask + "," + ids).find("before") != std::string::npos);
    CHECK(refused(ids + R"(,{"name":"mask","kind":"text","datatype":"INT64","shape":[5],"gives":"attention_mask"})")
              .find("shape") != std::string::npos);
    CHECK(refused(
              ids +
              R"(,{"name":"mask","kind":"text","datatype":"INT64","shape":[6],"gives":"attention_mask","of":"other"})")
              .find("\"of\"") != std::string::npos);
    CHECK(refused(ids + R"(,{"name":"mask","kind":"text","datatype":"INT64","shape":[6],"gives":"mask"})")
              .find("gives") != std::string::npos);
    CHECK(refused(ids + R"(,{"name":"mask","kind":"tensor","datatype":"INT64","shape":[6],"gives":"attention_mask"})")
              .find("text") != std::string::npos);
    const auto twice = values::Manifest::from_json(json::value(
        values::Manifest::parse(R"({"format":1,"name":"m","task":"tensor","output":{"shape":[1]},"inputs":[)" + ids +
                                "," + mask + "]}")
            ->to_json()));
    REQUIRE_MESSAGE(twice.has_value(), (twice ? "" : twice.error().detail));
    CHECK(twice->given() == 1);
    CHECK(twice->inputs[1].text.part == values::TextPart::attention_mask);
}
