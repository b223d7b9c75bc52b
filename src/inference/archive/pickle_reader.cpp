#include "inference/archive/pickle_reader.hpp"

#include "inference/archive/in_quotes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace millrace::inference {
namespace {

using Kind = PickleKind;

constexpr std::size_t max_name = 4096; // of a module or class

// What ends the reading; it stays inside this file.
struct Fault {
    std::string text;
};

bool is_node(Kind kind) { return kind >= Kind::tuple; }

class Reader {
public:
    Reader(std::string_view bytes, const PickleLimits& limits) : bytes_{bytes}, limits_{limits} {}

    Pickle read() {
        if (bytes_.size() > limits_.bytes) throw Fault{fmt::format("it has more than {} bytes", limits_.bytes)};
        if (take<std::uint8_t>() != 0x80 || take<std::uint8_t>() != 2)
            throw Fault{"it is no pickle of protocol 2, as torch writes it"};
        while (step()) {}
        if (at_ != bytes_.size()) throw Fault{"something follows its end"};
        if (stack_.size() != 1 || !marks_.empty()) throw Fault{"it leaves more or less than one value"};
        pickle_.root = pop();
        refer(pickle_.root);
        return std::move(pickle_);
    }

    std::size_t at() const { return at_; }

private:
    template <class T>
    T take() {
        if (bytes_.size() - at_ < sizeof(T)) throw Fault{"it is cut off"};
        T value;
        std::memcpy(&value, bytes_.data() + at_, sizeof value);
        at_ += sizeof value;
        return value;
    }

    std::string_view take_bytes(std::size_t size) {
        if (bytes_.size() - at_ < size) throw Fault{"it is cut off"};
        const auto found = bytes_.substr(at_, size);
        at_ += size;
        return found;
    }

    std::string_view take_line() {
        const auto end = bytes_.find('\n', at_);
        if (end == bytes_.npos) throw Fault{"it is cut off"};
        if (end - at_ > max_name) throw Fault{"a name is too long"};
        const auto line = bytes_.substr(at_, end - at_);
        at_ = end + 1;
        return line;
    }

    void push(PickleValue value) {
        if (++values_ > limits_.values) throw Fault{fmt::format("it has more than {} values", limits_.values)};
        stack_.push_back(value);
    }

    PickleValue pop() {
        if (stack_.size() <= floor()) throw Fault{"it takes a value that is not there"};
        const auto value = stack_.back();
        stack_.pop_back();
        return value;
    }

    std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }

    std::vector<PickleValue> pop_to_mark() {
        if (marks_.empty()) throw Fault{"it takes values to a mark that is not there"};
        const auto from = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
        std::vector<PickleValue> items(from, stack_.end());
        stack_.erase(from, stack_.end());
        marks_.pop_back();
        return items;
    }

    std::uint32_t refer(PickleValue value) {
        if (!is_node(value.kind)) return 0;
        auto& node = pickle_.nodes[static_cast<std::size_t>(value.number)];
        if (node.kind == Kind::object && node.items.size() == 1) throw Fault{"it uses an object that has no state yet"};
        node.closed = true;
        return node.depth;
    }

    void fill(PickleNode& node, std::vector<PickleValue> items) {
        for (const auto& item : items) node.depth = std::max(node.depth, refer(item) + 1);
        if (node.depth > limits_.depth)
            throw Fault{fmt::format("its values are nested more than {} deep", limits_.depth)};
        node.items = std::move(items);
    }

    void push_node(Kind kind, std::vector<PickleValue> items) {
        if (pickle_.nodes.size() >= limits_.nodes)
            throw Fault{fmt::format("it has more than {} containers", limits_.nodes)};
        PickleNode node;
        node.kind = kind;
        fill(node, std::move(items));
        pickle_.nodes.push_back(std::move(node));
        push({kind, static_cast<std::int64_t>(pickle_.nodes.size() - 1)});
    }

    void push_tuple(std::size_t size) {
        std::vector<PickleValue> items(size);
        for (std::size_t i = size; i-- > 0;) items[i] = pop();
        push_node(Kind::tuple, std::move(items));
    }

    void push_text(std::string_view text) {
        pickle_.texts.push_back(text);
        push({Kind::text, static_cast<std::int64_t>(pickle_.texts.size() - 1)});
    }

    void push_global() {
        const auto module = take_line(), name = take_line();
        const auto found = find_torch_global(module, name);
        if (!found)
            throw Fault{fmt::format("it names {}, which no TorchScript archive contains",
                                    in_quotes(fmt::format("{}.{}", module, name)))};
        pickle_.globals.push_back(*found);
        push({Kind::global, static_cast<std::int64_t>(pickle_.globals.size() - 1)});
    }

    // The list or dict below the mark, still empty and referred to by nothing.
    void fill_below_mark(Kind kind) {
        auto items = pop_to_mark();
        if (stack_.size() <= floor() || stack_.back().kind != kind)
            throw Fault{"it fills something that is no list or dict"};
        if (kind == Kind::dict && items.size() % 2 != 0) throw Fault{"a dict has a key without a value"};
        auto& node = pickle_.nodes[static_cast<std::size_t>(stack_.back().number)];
        if (node.closed || !node.items.empty()) throw Fault{"it adds to a list or dict that is complete"};
        fill(node, std::move(items));
    }

    void call() {
        const auto argument = pop(), function = pop();
        if (function.kind != Kind::global) throw Fault{"it calls something that is no function"};
        const auto what = pickle_.global(function).kind;
        using enum TorchGlobal::Kind;
        if (what == element_type || what == scheme) throw Fault{"it calls something that is no function"};
        if (what != own_class && argument.kind != Kind::tuple)
            throw Fault{"it calls a function without a tuple of arguments"};
        push_node(Kind::call, {function, argument});
    }

    void new_object() {
        const auto arguments = pop(), type = pop();
        if (arguments.kind != Kind::tuple || !pickle_.node(arguments).items.empty())
            throw Fault{"it makes an object with arguments"};
        if (type.kind != Kind::global || pickle_.global(type).kind != TorchGlobal::Kind::own_class)
            throw Fault{"it makes an object of something that is no class"};
        push_node(Kind::object, {type});
    }

    void build() {
        const auto state = pop();
        if (stack_.size() <= floor() || stack_.back().kind != Kind::object)
            throw Fault{"it gives a state to something that is no object"};
        auto& node = pickle_.nodes[static_cast<std::size_t>(stack_.back().number)];
        if (node.items.size() != 1) throw Fault{"it gives a second state to an object"};
        fill(node, {node.items.front(), state});
    }

    void memorize(std::size_t place) {
        if (stack_.size() <= floor()) throw Fault{"it memorizes a value that is not there"};
        if (place != memo_.size()) throw Fault{fmt::format("its memo entry {} comes out of turn", place)};
        refer(stack_.back());
        memo_.push_back(stack_.back());
    }

    void recall(std::size_t place) {
        if (place >= memo_.size()) throw Fault{fmt::format("it recalls memo entry {}, which was never set", place)};
        push(memo_[place]);
    }

    std::int64_t take_long() {
        if (const auto size = take<std::uint8_t>(); size != 8) throw Fault{fmt::format("a number of {} bytes", size)};
        return take<std::int64_t>();
    }

    std::int64_t take_real() {
        std::uint64_t bits = 0;
        for (int i = 0; i < 8; ++i) bits = bits << 8 | take<std::uint8_t>(); // big-endian
        return static_cast<std::int64_t>(bits);
    }

    // One opcode; false after the last.
    bool step() {
        const auto opcode = take<std::uint8_t>();
        switch (opcode) {
        case '.': return false;
        case 'N': push({}); break;
        case 0x88: push({Kind::boolean, 1}); break;
        case 0x89: push({Kind::boolean, 0}); break;
        case 'K': push({Kind::integer, take<std::uint8_t>()}); break;
        case 'M': push({Kind::integer, take<std::uint16_t>()}); break;
        case 'J': push({Kind::integer, take<std::int32_t>()}); break;
        case 0x8a: push({Kind::integer, take_long()}); break;
        case 'G': push({Kind::real, take_real()}); break;
        case 'X': push_text(take_bytes(take<std::uint32_t>())); break;
        case 'c': push_global(); break;
        case '(': push_mark(); break;
        case 't': push_node(Kind::tuple, pop_to_mark()); break;
        case ')': push_tuple(0); break;
        case 0x85: push_tuple(1); break;
        case 0x86: push_tuple(2); break;
        case 0x87: push_tuple(3); break;
        case ']': push_node(Kind::list, {}); break;
        case '}': push_node(Kind::dict, {}); break;
        case 'e': fill_below_mark(Kind::list); break;
        case 'u': fill_below_mark(Kind::dict); break;
        case 0x81: new_object(); break;
        case 'b': build(); break;
        case 'R': call(); break;
        case 'Q': push_storage(); break;
        case 'q': memorize(take<std::uint8_t>()); break;
        case 'r': memorize(take<std::uint32_t>()); break;
        case 'h': recall(take<std::uint8_t>()); break;
        case 'j': recall(take<std::uint32_t>()); break;
        default: throw Fault{fmt::format("opcode 0x{:02x} is none that torch writes", opcode)};
        }
        return true;
    }

    void push_mark() {
        if (marks_.size() >= limits_.depth)
            throw Fault{fmt::format("its values are nested more than {} deep", limits_.depth)};
        marks_.push_back(stack_.size());
    }

    void push_storage() {
        const auto id = pop();
        if (id.kind != Kind::tuple) throw Fault{"it names a storage in an unknown way"};
        push_node(Kind::storage, {id});
    }

    std::string_view bytes_;
    const PickleLimits& limits_;
    std::size_t at_ = 0, values_ = 0;
    Pickle pickle_;
    std::vector<PickleValue> stack_, memo_;
    std::vector<std::size_t> marks_; // sizes of the stack
};

} // namespace

Result<Pickle> read_pickle(std::string_view bytes, const PickleLimits& limits) {
    Reader reader{bytes, limits};
    try {
        return reader.read();
    } catch (const Fault& fault) {
        return Error{Code::unprocessable, fmt::format("{} (byte {})", fault.text, reader.at())};
    }
}

} // namespace millrace::inference
