#include "inference/torch/arguments.hpp"

#include <ATen/ATen.h>
#include <ATen/core/Dict.h>
#include <ATen/core/List.h>
#include <ATen/core/jit_type.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace millrace::torch_module {
namespace {

using c10::TypeKind;

c10::TypePtr without_optional(c10::TypePtr type) {
    if (const auto optional = type->cast<c10::OptionalType>()) return optional->getElementType();
    return type;
}

bool may_be_none(const c10::TypePtr& type) {
    return type->kind() == TypeKind::OptionalType || type->kind() == TypeKind::NoneType;
}

std::string names_of(const c10::FunctionSchema& schema) {
    std::string names;
    for (std::size_t i = 1; i < schema.arguments().size(); ++i)
        names += (i > 1 ? ", " : "") + schema.arguments()[i].name();
    return names.empty() ? "none" : names;
}

std::size_t place_of(const c10::FunctionSchema& schema, const std::string& name) {
    const auto& arguments = schema.arguments();
    for (std::size_t i = 1; i < arguments.size(); ++i)
        if (arguments[i].name() == name) return i - 1;
    throw std::runtime_error{"the model's forward() has no argument \"" + name + "\"; it has " + names_of(schema)};
}

std::size_t index_of(const std::string& key) {
    std::size_t index = 0;
    const auto [end, failure] = std::from_chars(key.data(), key.data() + key.size(), index);
    if (failure != std::errc{} || end != key.data() + key.size())
        throw std::runtime_error{"\"" + key + "\" is no place in a list"};
    return index;
}

} // namespace

Arguments::Arguments(const c10::FunctionSchema& schema, const std::vector<InputRule>& rules) {
    const auto& declared = schema.arguments();
    for (std::size_t i = 1; i < declared.size(); ++i) {
        Argument argument;
        argument.name = declared[i].name();
        if (declared[i].default_value()) argument.otherwise = *declared[i].default_value();
        argument.has_otherwise = declared[i].default_value() || may_be_none(declared[i].type());
        arguments_.push_back(std::move(argument));
    }
    const bool unsaid =
        std::none_of(rules.begin(), rules.end(), [](const InputRule& rule) { return rule.argument || rule.key; });
    const bool one_dict =
        unsaid && declared.size() > 1 && without_optional(declared[1].type())->kind() == TypeKind::DictType;
    std::size_t next = 0;
    for (std::size_t i = 0; i < rules.size(); ++i) {
        if (one_dict) {
            auto rule = rules[i];
            rule.key = rule.name;
            put(0, i, schema, rule);
            continue;
        }
        if (rules[i].argument) {
            put(place_of(schema, *rules[i].argument), i, schema, rules[i]);
            continue;
        }
        while (next < arguments_.size() && !arguments_[next].parts.empty()) ++next;
        put(next, i, schema, rules[i]);
    }
    for (auto& argument : arguments_) {
        if (argument.parts.empty() && !argument.has_otherwise)
            throw std::runtime_error{"the model's forward() needs the argument \"" + argument.name +
                                     "\", which no input of the manifest is"};
        if (argument.form == Form::list || argument.form == Form::tuple) {
            std::sort(argument.parts.begin(), argument.parts.end(),
                      [](const Part& a, const Part& b) { return index_of(a.key) < index_of(b.key); });
            for (std::size_t k = 0; k < argument.parts.size(); ++k)
                if (index_of(argument.parts[k].key) != k)
                    throw std::runtime_error{"the inputs of the argument \"" + argument.name +
                                             "\" must have the keys 0, 1, … without a gap"};
        }
    }
}

void Arguments::put(std::size_t place, std::size_t input, const c10::FunctionSchema& schema, const InputRule& rule) {
    if (place >= arguments_.size())
        throw std::runtime_error{"the model's forward() takes " + std::to_string(arguments_.size()) + " argument(s) (" +
                                 names_of(schema) + "), the manifest has more inputs"};
    auto& argument = arguments_[place];
    const auto type = without_optional(schema.arguments()[place + 1].type());
    const auto kind = type->kind();
    Form form = Form::tensor;
    if (rule.key) {
        form = kind == TypeKind::DictType    ? Form::dict
               : kind == TypeKind::ListType  ? Form::list
               : kind == TypeKind::TupleType ? Form::tuple
                                             : Form::none;
    } else if (kind == TypeKind::ListType) {
        form = Form::rows;
    } else if (kind == TypeKind::DictType || kind == TypeKind::TupleType) {
        form = Form::none;
    }
    if (form == Form::none || (!argument.parts.empty() && argument.form != form) ||
        (!argument.parts.empty() && !rule.key))
        throw std::runtime_error{"the input \"" + rule.name + "\" cannot be the argument \"" + argument.name +
                                 "\", which is a " + type->str() + (rule.key ? "" : ": give it a \"key\"")};
    if (rule.optional && !argument.has_otherwise && form != Form::dict)
        throw std::runtime_error{"the input \"" + rule.name + "\" cannot be left out: the argument \"" + argument.name +
                                 "\" of forward() is neither Optional nor has a default"};
    argument.form = form;
    argument.parts.push_back({input, rule.key.value_or("")});
}

c10::IValue Arguments::value(const Argument& argument, const std::vector<at::Tensor>& inputs) {
    if (argument.form == Form::dict) {
        c10::Dict<std::string, at::Tensor> dict;
        for (const auto& part : argument.parts)
            if (inputs[part.input].defined()) dict.insert(part.key, inputs[part.input]);
        return dict.empty() && argument.has_otherwise ? argument.otherwise : c10::IValue{dict};
    }
    const bool there = std::all_of(argument.parts.begin(), argument.parts.end(),
                                   [&](const Part& part) { return inputs[part.input].defined(); });
    if (argument.parts.empty() || !there) return argument.otherwise;
    switch (argument.form) {
    case Form::rows: return c10::List<at::Tensor>{inputs[argument.parts.front().input].unbind(0)};
    case Form::list: {
        c10::List<at::Tensor> list;
        for (const auto& part : argument.parts) list.push_back(inputs[part.input]);
        return list;
    }
    case Form::tuple: {
        std::vector<c10::IValue> elements;
        for (const auto& part : argument.parts) elements.emplace_back(inputs[part.input]);
        return c10::ivalue::Tuple::create(std::move(elements));
    }
    default: return inputs[argument.parts.front().input];
    }
}

std::vector<c10::IValue> Arguments::make(const std::vector<at::Tensor>& inputs) const {
    std::vector<c10::IValue> values;
    values.reserve(arguments_.size() + 1); // the module is put before them
    for (const auto& argument : arguments_) values.push_back(value(argument, inputs));
    return values;
}

} // namespace millrace::torch_module
