// Pickles that torch never writes. None is run, none costs more than its bytes, and each is told what is wrong and
// where.
#include "inference/archive/pickle_reader.hpp"
#include "unit/inference/archive/archive_files.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>

using namespace millrace::inference;
using namespace archive_files;

namespace {

std::string reason(const std::string& bytes, const PickleLimits& limits = {}) {
    const auto read = read_pickle(bytes, limits);
    return read ? "read" : read.error().detail;
}

std::string many(const std::string& what, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += what;
    return out;
}

} // namespace

TEST_CASE("what torch writes is read as a tree") {
    const auto bytes = pickle(tuple(integer(-5) + text("größe") + "NK\x07M\x01\x02J\xff\xff\xff\xff" + "G\x3f\xf8" +
                                    std::string(6, '\0') + "\x88\x89)"));
    const auto read = read_pickle(bytes);
    REQUIRE(read.has_value());
    REQUIRE(read->root.kind == PickleKind::tuple);
    const auto& items = read->node(read->root).items;
    REQUIRE(items.size() == 10);
    CHECK(items[0].number == -5);
    CHECK(read->text(items[1]) == "größe");
    CHECK(items[2].kind == PickleKind::none);
    CHECK(items[3].number == 7);
    CHECK(items[4].number == 0x201);
    CHECK(items[5].number == -1);
    CHECK(items[6].real() == 1.5);
    CHECK(items[7].number == 1);
    CHECK(items[8].number == 0);
    CHECK(read->node(items[9]).items.empty());
}

TEST_CASE("a value may be used again through the memo") {
    const auto bytes = pickle("(" + text("a") + std::string{"q\0", 2} + std::string{"h\0", 2} + "t");
    const auto read = read_pickle(bytes);
    REQUIRE(read.has_value());
    CHECK(read->text(read->node(read->root).items[1]) == "a");
}

TEST_CASE("a hostile pickle is refused with what is wrong") {
    const auto memo = [](std::uint32_t place) {
        std::string out = "r";
        put(out, place);
        return out;
    };
    const std::pair<std::string, const char*> cases[] = {
        {"", "cut off"},
        {"\x80\x02", "cut off"},
        {std::string{"\x80\x04"} + ").", "protocol 2"},
        {std::string{"\x80\x02"} + ")", "cut off"},
        {pickle(")") + "N", "follows its end"},
        {pickle(")") + pickle(")"), "follows its end"},
        {pickle("))"), "one value"},
        {pickle(""), "one value"},
        {pickle("()"), "one value"},
        {pickle(global("os", "system") + tuple(text("id")) + "R"),
         "\"os.system\", which no TorchScript archive contains"},
        {pickle(global("builtins", "eval")), "builtins.eval"},
        {pickle(global("torch", "load")), "torch.load"},
        {pickle(global("torch._utils", "_rebuild_parameter")), "_rebuild_parameter"},
        {pickle(global("torch\xff", "x")), "torch\\xff.x"},
        {std::string{"\x80\x02"} + "ctorch", "cut off"},
        {pickle("c" + std::string(5000, 'a') + "\nb\n"), "too long"},
        {pickle(")" + memo(4'000'000'000)), "memo entry 4000000000 comes out of turn"},
        {pickle(")" + memo(1)), "out of turn"},
        {pickle(")" + memo(0) + memo(0)), "out of turn"},
        {pickle(memo(0)), "memorizes a value that is not there"},
        {pickle(std::string{"h\0", 2}), "never set"},
        {pickle(std::string{"X\xff\xff\xff\xff", 5}), "cut off"},
        {pickle("\x8a\xff" + std::string(255, '\1')), "a number of 255 bytes"},
        {pickle(std::string{"\x8b\xff\xff\xff\x7f", 5}), "opcode 0x8b"},
        {pickle("I1\n"), "opcode 0x49"},
        {pickle("i"), "opcode 0x69"},
        {pickle(integer(0) + ")R"), "no function"},
        {pickle(global("torch", "FloatStorage") + ")R"), "no function"},
        {pickle(global("torch", "device") + text("cpu") + "R"), "without a tuple"},
        {pickle("R"), "not there"},
        {pickle("NNt"), "mark that is not there"},
        {pickle("(NNt)t"), "mark that is not there"},
        {pickle("N(\x86"), "not there"},
        {pickle("}(Nu"), "a key without a value"},
        {pickle("](Nu"), "no list or dict"},
        {pickle("(Ne"), "no list or dict"},
        {pickle("](Ne(Ne"), "complete"},
        {pickle("]" + memo(0) + "(" + std::string{"h\0", 2} + "e"), "complete"}, // a list that holds itself
        {pickle("NNb"), "no object"},
        {pickle(global("__torch__", "M") + ")\x81}b}b"), "second state"},
        {pickle(global("__torch__", "M") + ")\x81"), "no state yet"},
        {pickle(global("__torch__", "M") + tuple("N") + "\x81"), "with arguments"},
        {pickle(global("torch", "device") + ")\x81}b"), "no class"},
        {pickle("NQ"), "storage"},
        {pickle(")" + many("\x85", 2000)), "nested more than 1000 deep"},
        {pickle(many("(", 2000)), "nested more than 1000 deep"},
    };
    for (const auto& [bytes, said] : cases)
        CHECK_MESSAGE(reason(bytes).find(said) != std::string::npos, said << ": " << reason(bytes));
}

TEST_CASE("a pickle beyond the limits is refused") {
    CHECK(reason(pickle("(" + many("N", 100) + "t"), {.values = 100}).find("more than 100 values") !=
          std::string::npos);
    CHECK(reason(pickle("(" + many(")", 100) + "t"), {.nodes = 100}).find("more than 100 containers") !=
          std::string::npos);
    CHECK(reason(pickle("(" + many("N", 100) + "t"), {.bytes = 100}).find("more than 100 bytes") != std::string::npos);
    CHECK(reason(pickle("(" + many("N", 100) + "t")) == "read");
}
