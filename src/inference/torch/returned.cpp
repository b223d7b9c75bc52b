#include "inference/torch/returned.hpp"

#include "inference/torch/tensor_bridge.hpp"

#include <ATen/core/Dict.h>
#include <ATen/core/List.h>
#include <ATen/core/function_schema.h>
#include <ATen/core/jit_type.h>

#include <charconv>
#include <stdexcept>

namespace millrace::torch_module {
namespace {

using c10::IValue;

struct Leaf {
    std::string path; // "1.boxes"
    IValue value;
};

bool is_dict(const IValue& value) { return value.isGenericDict(); }
bool is_named_tuple(const IValue& value) { return value.isTuple() && value.toTupleRef().type()->schema() != nullptr; }

std::optional<std::int64_t> number_in(const std::string& text) {
    std::int64_t number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    return failure == std::errc{} && end == text.data() + text.size() ? std::optional{number} : std::nullopt;
}

std::string key_text(const IValue& key) {
    return key.isString() ? key.toStringRef() : key.isInt() ? std::to_string(key.toInt()) : "?";
}

// The parts of a value with their steps, in order; none of a tensor or another single value.
template <class Visit>
void each_part(const IValue& value, Visit visit) {
    if (is_dict(value)) {
        for (const auto& entry : value.toGenericDict()) visit(key_text(entry.key()), entry.value());
    } else if (value.isTuple()) {
        const auto& tuple = value.toTupleRef();
        const auto type = is_named_tuple(value) ? tuple.type() : nullptr;
        for (std::size_t i = 0; i < tuple.elements().size(); ++i)
            visit(type ? type->schema()->arguments()[i].name() : std::to_string(i), tuple.elements()[i]);
    } else if (value.isList()) {
        const auto list = value.toList();
        for (std::size_t i = 0; i < list.size(); ++i) visit(std::to_string(i), IValue{list.get(i)});
    }
}

bool has_parts(const IValue& value) { return is_dict(value) || value.isTuple() || value.isList(); }

void flatten(const IValue& value, const std::string& path, std::vector<Leaf>& leaves) {
    if (!has_parts(value)) return leaves.push_back({path, value});
    each_part(value, [&](const std::string& step, const IValue& part) {
        flatten(part, path.empty() ? step : path + "." + step, leaves);
    });
}

std::string described(const IValue& returned) {
    std::vector<Leaf> leaves;
    flatten(returned, "", leaves);
    if (leaves.size() == 1 && leaves.front().path.empty()) return "a " + returned.tagKind();
    constexpr std::size_t shown = 20;
    std::string text;
    for (std::size_t i = 0; i < leaves.size() && i < shown; ++i)
        text += (i > 0 ? ", " : "") + leaves[i].path +
                (leaves[i].value.isTensor() ? "" : " (" + leaves[i].value.tagKind() + ")");
    if (leaves.size() > shown) text += ", …";
    return leaves.empty() ? "nothing" : text;
}

// nullopt: there is no such part.
std::optional<IValue> part_of(const IValue& value, const std::string& step) {
    const auto number = number_in(step);
    if (is_dict(value)) {
        const auto dict = value.toGenericDict();
        const auto found = dict.keyType()->kind() == c10::TypeKind::IntType
                               ? (number ? dict.find(IValue{*number}) : dict.end())
                               : dict.find(IValue{step});
        if (found == dict.end()) return std::nullopt;
        return found->value();
    }
    if (value.isTuple()) {
        const auto& tuple = value.toTupleRef();
        if (is_named_tuple(value)) {
            const auto& fields = tuple.type()->schema()->arguments();
            for (std::size_t i = 0; i < fields.size(); ++i)
                if (fields[i].name() == step) return tuple.elements()[i];
        }
        if (!number || *number < 0 || static_cast<std::size_t>(*number) >= tuple.elements().size()) return std::nullopt;
        return tuple.elements()[static_cast<std::size_t>(*number)];
    }
    if (value.isList()) {
        const auto list = value.toList();
        if (!number || *number < 0 || static_cast<std::size_t>(*number) >= list.size()) return std::nullopt;
        return IValue{list.get(static_cast<std::size_t>(*number))};
    }
    return std::nullopt;
}

class Selection {
public:
    Selection(const IValue& returned, std::int64_t rows) : returned_{returned}, rows_{rows} {}

    Output find(const OutputRule& rule, std::size_t place, std::size_t rule_count) {
        rule_ = &rule;
        output_ = {};
        if (!rule.path.empty()) walk(returned_, 0, false);
        else by_name_or_place(place, rule_count);
        if (output_.form == MR_NONE && !rule.optional)
            throw std::runtime_error{"the model returned no \"" + rule.name + "\"; it returned " +
                                     described(returned_)};
        return std::move(output_);
    }

private:
    void walk(const IValue& value, std::size_t step, bool each) {
        if (step == rule_->path.size()) return keep(value, each);
        if (rule_->path[step] == MR_EACH_ROW && value.isList()) return walk_rows(value, step + 1);
        if (auto part = part_of(value, rule_->path[step])) walk(*part, step + 1, each);
    }

    void walk_rows(const IValue& value, std::size_t step) {
        const auto list = check_rows(value);
        for (std::size_t i = 0; i < list.size(); ++i) walk(IValue{list.get(i)}, step, true);
        check_kept();
    }

    void by_name_or_place(std::size_t place, std::size_t rule_count) {
        if (is_dict(returned_) || is_named_tuple(returned_)) {
            if (auto part = part_of(returned_, rule_->name)) return keep(*part, false);
            if (is_dict(returned_) && (rule_count > 1 || returned_.toGenericDict().size() != 1)) return;
        } else if (returned_.isList() && returned_.toListRef().size() > 0 && is_dict(returned_.toListRef().front())) {
            const auto list = check_rows(returned_);
            for (std::size_t i = 0; i < list.size(); ++i)
                if (auto part = part_of(IValue{list.get(i)}, rule_->name)) keep(*part, true);
            return check_kept();
        }
        if (leaves_.empty()) flatten(returned_, "", leaves_);
        if (place < leaves_.size()) keep(leaves_[place].value, false);
    }

    c10::List<IValue> check_rows(const IValue& value) const {
        auto list = value.toList();
        if (static_cast<std::int64_t>(list.size()) != rows_)
            throw std::runtime_error{"the model returned a list of " + std::to_string(list.size()) +
                                     " for a batch of " + std::to_string(rows_) + " as \"" + rule_->name + "\""};
        return list;
    }

    void check_kept() const { // all rows, or none
        if (output_.form == MR_ROWS && static_cast<std::int64_t>(output_.tensors.size()) != rows_)
            throw std::runtime_error{"the model returned \"" + rule_->name + "\" for some rows of the batch only"};
    }

    void keep(const IValue& value, bool each) {
        if (value.isNone()) return;
        if (!value.isTensor())
            throw std::runtime_error{
                "the model returned a " + value.tagKind() + " as \"" + rule_->name + "\"" +
                (has_parts(value) ? "; say with \"key\" which of its parts is meant: " + described(value) : "")};
        output_.form = each ? MR_ROWS : MR_BATCH;
        output_.tensors.push_back(presentable(value.toTensor(), rule_->datatype));
    }

    const IValue& returned_;
    const std::int64_t rows_;
    const OutputRule* rule_ = nullptr;
    Output output_;
    std::vector<Leaf> leaves_;
};

} // namespace

std::vector<Output> outputs_of(const IValue& returned, const std::vector<OutputRule>& rules, std::int64_t rows) {
    std::vector<Output> outputs;
    outputs.reserve(rules.size());
    Selection selection{returned, rows};
    for (std::size_t i = 0; i < rules.size(); ++i) outputs.push_back(selection.find(rules[i], i, rules.size()));
    return outputs;
}

} // namespace millrace::torch_module
