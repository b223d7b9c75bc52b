#include "inference/archive/tensor_records.hpp"

#include "inference/archive/in_quotes.hpp"
#include "inference/archive/sparse_indices.hpp"
#include "inference/archive/stored_tensor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>

namespace millrace::inference {
namespace {

using Kind = PickleKind;
using Call = TorchGlobal::Kind;

struct Fault {
    std::string text;
};

class Check {
public:
    Check(const Pickle& pickle, const FindRecord& find) : pickle_{pickle}, find_{find} {}

    void run() {
        // What a call refers to was begun before it.
        for (std::size_t i = 0; i < pickle_.nodes.size(); ++i) {
            const auto& node = pickle_.nodes[i];
            check_places(node);
            if (node.kind == Kind::storage) storages_.emplace(i, storage(node));
            if (node.kind == Kind::call) call(i, node);
        }
        if (pickle_.root.kind == Kind::global || pickle_.root.kind == Kind::storage) throw Fault{"it holds no value"};
    }

private:
    using Items = std::vector<PickleValue>;

    // A storage is the first argument of a tensor, a function what is called: to libtorch both are plain values.
    void check_places(const PickleNode& node) const {
        const bool tuple = node.kind == Kind::tuple;
        for (std::size_t i = 0; i < node.items.size(); ++i) {
            const auto& item = node.items[i];
            if (item.kind == Kind::storage && !(tuple && i == 0)) throw Fault{"it uses a storage as a value"};
            if (item.kind != Kind::global) continue;
            const auto what = pickle_.global(item).kind;
            const bool called = (node.kind == Kind::call || node.kind == Kind::object) && i == 0;
            const bool named = tuple && ((what == Call::element_type && i == 1) || (what == Call::scheme && i == 0));
            if (!called && !named) throw Fault{"it uses a function or class as a value"};
        }
    }

    StoredStorage storage(const PickleNode& node) {
        const auto& id = pickle_.node(node.items.front()).items;
        if (id.size() != 5 || id[0].kind != Kind::text || pickle_.text(id[0]) != "storage" ||
            id[1].kind != Kind::global || pickle_.global(id[1]).kind != Call::element_type ||
            id[2].kind != Kind::text || id[3].kind != Kind::text || id[4].kind != Kind::integer)
            throw Fault{"it names a storage in an unknown way"};
        const auto key = pickle_.text(id[2]);
        StoredStorage found{pickle_.global(id[1]).type, id[4].number, key, find_(key)};
        if (const auto wrong = found.fault()) throw Fault{*wrong};
        const auto [first, is_new] = by_key_.emplace(key, found);
        if (!is_new && !(first->second.type == found.type && first->second.units == found.units))
            throw Fault{fmt::format("record {} is named as {} and as {}", in_quotes(key), first->second.described(),
                                    found.described())};
        return found;
    }

    void call(std::size_t index, const PickleNode& node) {
        const auto& function = pickle_.global(node.items[0]);
        const auto argument = node.items[1];
        if (function.kind == Call::own_class) { // an enumeration's value
            if (argument.kind != Kind::integer && argument.kind != Kind::real && argument.kind != Kind::text)
                throw Fault{fmt::format("it calls the class {}", in_quotes(function.name))};
            return;
        }
        const auto& items = pickle_.node(argument).items;
        switch (function.kind) {
        case Call::tensor: tensors_.emplace(index, tensor(items, false)); break;
        case Call::quantized: tensors_.emplace(index, tensor(items, true)); break;
        case Call::sparse: sparse(items); break;
        default:
            require(plain_call(function, items),
                    fmt::format("it calls {} with other arguments than torch does", in_quotes(function.name)));
            break;
        }
    }

    bool plain_call(const TorchGlobal& function, const Items& items) const {
        const auto is = [&](std::size_t i, Kind kind) { return i < items.size() && items[i].kind == kind; };
        switch (function.kind) {
        case Call::hooks: return items.empty();
        case Call::device: return items.size() == 1 && is(0, Kind::text);
        case Call::complex_number: return items.size() == 2 && is(0, Kind::real) && is(1, Kind::real);
        case Call::list:
            return items.size() == 1 && is(0, Kind::list) && list_of(function.name, pickle_.node(items[0]).items);
        case Call::type_tag:
            return items.size() == 2 && (is(0, Kind::list) || is(0, Kind::dict)) && is(1, Kind::text) &&
                   shallow(pickle_.text(items[1]));
        default: return false;
        }
    }

    bool list_of(std::string_view function, const Items& elements) const {
        const auto all = [&](Kind kind) {
            return std::all_of(elements.begin(), elements.end(), [&](const auto& each) { return each.kind == kind; });
        };
        if (function == "build_intlist") return all(Kind::integer);
        if (function == "build_doublelist") return all(Kind::real);
        if (function == "build_boollist") return all(Kind::boolean);
        return std::all_of(elements.begin(), elements.end(), [&](const auto& each) { return is_tensor(each); });
    }

    bool is_tensor(PickleValue value) const {
        if (value.kind != Kind::call) return false;
        const auto what = pickle_.global(pickle_.node(value).items[0]).kind;
        return what == Call::tensor || what == Call::quantized || what == Call::sparse;
    }

    // libtorch's parser of types goes one call deeper for each bracket.
    static bool shallow(std::string_view type) {
        return type.size() <= 65536 && std::count(type.begin(), type.end(), '[') <= 200;
    }

    static void require(bool holds, std::string_view otherwise) {
        if (!holds) throw Fault{std::string{otherwise}};
    }

    std::vector<std::int64_t> numbers(PickleValue value) const {
        require(value.kind == Kind::tuple, "a tensor's sizes or strides are no tuple of numbers");
        std::vector<std::int64_t> out;
        for (const auto& each : pickle_.node(value).items) {
            require(each.kind == Kind::integer, "a tensor's sizes or strides are no tuple of numbers");
            out.push_back(each.number);
        }
        return out;
    }

    // storage, offset, sizes, strides, [how quantised], requires_grad, hooks, [what the numbers' signs stand for]
    StoredTensor tensor(const Items& items, bool quantized) {
        const std::size_t flag = quantized ? 5 : 4;
        require((items.size() == flag + 2 || (!quantized && items.size() == 7)) && items[0].kind == Kind::storage &&
                    items[1].kind == Kind::integer && items[flag].kind == Kind::boolean,
                "it makes a tensor in an unknown way");
        StoredTensor made{storages_.at(static_cast<std::size_t>(items[0].number)), items[1].number, numbers(items[2]),
                          numbers(items[3])};
        if (const auto wrong = made.fault()) throw Fault{*wrong};
        require((made.storage.type.family == ElementType::Family::quantized) == quantized,
                fmt::format("record {} is quantised or not, its tensor the other", in_quotes(made.storage.key)));
        if (quantized) check_quantization(made, items[4]);
        if (items.size() == flag + 3) check_signs(made, items[6]);
        return made;
    }

    const StoredTensor& parameter(PickleValue value, const StoredTensor& of, std::int64_t axis_size) const {
        const auto found =
            value.kind == Kind::call ? tensors_.find(static_cast<std::size_t>(value.number)) : tensors_.end();
        require(
            found != tensors_.end() && found->second.sizes.size() == 1 && found->second.sizes[0] == axis_size,
            fmt::format("the quantised tensor of record {} has another number of scales or zero points than its axis",
                        in_quotes(of.storage.key)));
        return found->second;
    }

    void check_quantization(const StoredTensor& made, PickleValue how) const {
        const auto unknown =
            fmt::format("the tensor of record {} is quantised in an unknown way", in_quotes(made.storage.key));
        require(how.kind == Kind::tuple, unknown);
        const auto& items = pickle_.node(how).items;
        require(items.size() >= 3 && items[0].kind == Kind::global && pickle_.global(items[0]).kind == Call::scheme,
                unknown);
        const auto scheme = pickle_.global(items[0]).name;
        if (scheme == "per_tensor_affine") {
            require(items.size() == 3 && items[1].kind == Kind::real && items[2].kind == Kind::integer, unknown);
            return;
        }
        require(items.size() == 4 && items[3].kind == Kind::integer, unknown);
        const auto axis = items[3].number;
        require(axis >= 0 && axis < static_cast<std::int64_t>(made.sizes.size()), unknown);
        const auto size = made.sizes[static_cast<std::size_t>(axis)];
        const auto &scales = parameter(items[1], made, size), &zeros = parameter(items[2], made, size);
        const bool floating = scheme == "per_channel_affine_float_qparams";
        const auto is = [](const StoredTensor& t, std::initializer_list<std::string_view> names) {
            return std::find(names.begin(), names.end(), t.storage.type.name) != names.end();
        };
        require(is(scales, {"Float", "Double"}) &&
                    (floating ? is(zeros, {"Float", "Double"}) : is(zeros, {"Long", "Int"})),
                unknown);
    }

    // {"conj": True, "neg": True} of a tensor that is shown conjugated or negated.
    void check_signs(const StoredTensor& made, PickleValue value) const {
        const auto unknown = "it makes a tensor in an unknown way";
        require(value.kind == Kind::call && pickle_.global(pickle_.node(value).items[0]).kind == Call::type_tag,
                unknown);
        const auto dict = pickle_.node(pickle_.node(value).items[1]).items[0];
        require(dict.kind == Kind::dict, unknown);
        const auto& items = pickle_.node(dict).items;
        for (std::size_t i = 0; i < items.size(); i += 2) {
            require(items[i].kind == Kind::text && items[i + 1].kind == Kind::boolean, unknown);
            const auto key = pickle_.text(items[i]);
            require(key == "neg" || (key == "conj" && made.storage.type.family == ElementType::Family::complex),
                    unknown);
        }
    }

    // Each index is looked at, so none may stand for many, and not too many in all.
    bool within_budget(const StoredTensor& indices) {
        std::int64_t count = 1;
        for (const auto size : indices.sizes) count *= size; // no overflow: StoredTensor::fault()
        const auto held = indices.storage.units;
        return count <= held && held <= index_budget_ && (index_budget_ -= held) >= 0;
    }

    // layout, sizes, requires_grad, indices, [column indices,] values, hooks
    void sparse(const Items& items) {
        const bool known = items.size() >= 6 && items[0].kind == Kind::integer && items[2].kind == Kind::boolean;
        const bool coo = known && items[0].number == 1 && items.size() == 6,
                   csr = known && items[0].number == 2 && items.size() == 7;
        require(coo || csr,
                "it makes a sparse tensor of a layout other than COO and CSR; use Tensor.to_dense() before saving");
        std::vector<const StoredTensor*> parts;
        for (std::size_t i = 3; i + 1 < items.size(); ++i) {
            const auto found =
                items[i].kind == Kind::call ? tensors_.find(static_cast<std::size_t>(items[i].number)) : tensors_.end();
            require(found != tensors_.end(), "a sparse tensor is made of something that is no tensor");
            parts.push_back(&found->second);
            require(i + 2 == items.size() || within_budget(found->second),
                    "its sparse tensors have too many indices to be checked");
        }
        const auto sizes = numbers(items[1]);
        const auto wrong =
            coo ? coo_fault(sizes, *parts[0], *parts[1]) : csr_fault(sizes, *parts[0], *parts[1], *parts[2]);
        if (wrong) throw Fault{*wrong};
    }

    const Pickle& pickle_;
    const FindRecord& find_;
    std::unordered_map<std::size_t, StoredStorage> storages_; // by node
    std::unordered_map<std::size_t, StoredTensor> tensors_;
    std::map<std::string_view, StoredStorage> by_key_;
    std::int64_t index_budget_ = std::int64_t{1} << 27;
};

} // namespace

Result<void> check_tensors(const Pickle& pickle, const FindRecord& find) {
    try {
        Check{pickle, find}.run();
        return success();
    } catch (const Fault& fault) { return Error{Code::unprocessable, fault.text}; }
}

} // namespace millrace::inference
