#include "inference/torch/attribute_types.hpp"

#include <ATen/core/class_type.h>
#include <ATen/core/jit_type.h>

#include <stdexcept>
#include <string>
#include <unordered_set>
#include <vector>

namespace millrace::torch_module {
namespace {

class Check {
public:
    void run(const c10::IValue& root) {
        visit(root);
        while (!waiting_.empty()) {
            const auto object = waiting_.back();
            waiting_.pop_back();
            const auto type = object->type();
            for (std::size_t i = 0; i < type->numAttributes(); ++i)
                if (i >= object->slots().size() || !fits(object->getSlot(i), *type->getAttribute(i)))
                    throw std::runtime_error{"the attribute " + type->getAttributeName(i) + " of " + type->repr_str() +
                                             " is no " + type->getAttribute(i)->repr_str()};
        }
    }

private:
    void visit(const c10::IValue& value) {
        auto object = value.toObject();
        if (seen_.insert(object.get()).second) waiting_.push_back(std::move(object));
    }

    bool fits(const c10::IValue& value, const c10::Type& type) {
        switch (type.kind()) {
        case c10::TypeKind::AnyType:
            if (value.isObject()) visit(value);
            return true;
        case c10::TypeKind::TensorType: return value.isTensor();
        case c10::TypeKind::IntType: return value.isInt();
        case c10::TypeKind::FloatType: return value.isDouble();
        case c10::TypeKind::BoolType: return value.isBool();
        case c10::TypeKind::StringType: return value.isString();
        case c10::TypeKind::NoneType: return value.isNone();
        case c10::TypeKind::OptionalType:
        case c10::TypeKind::UnionType: return fits_one(value, type);
        case c10::TypeKind::ListType: return fits_list(value, *type.containedTypes()[0]);
        case c10::TypeKind::DictType: return fits_dict(value, *type.containedTypes()[0], *type.containedTypes()[1]);
        case c10::TypeKind::TupleType: return fits_tuple(value, type);
        case c10::TypeKind::ClassType:
        case c10::TypeKind::InterfaceType:
            if (!value.isObject() || !value.toObjectRef().type()->isSubtypeOf(type)) return false;
            visit(value);
            return true;
        default: return value.type()->isSubtypeOf(type);
        }
    }

    bool fits_one(const c10::IValue& value, const c10::Type& type) {
        if (value.isNone() && type.kind() == c10::TypeKind::OptionalType) return true;
        for (const auto& each : type.containedTypes())
            if (fits(value, *each)) return true;
        return false;
    }

    bool fits_list(const c10::IValue& value, const c10::Type& element) {
        if (!value.isList()) return false;
        for (const c10::IValue& each : value.toListRef())
            if (!fits(each, element)) return false;
        return true;
    }

    bool fits_dict(const c10::IValue& value, const c10::Type& key, const c10::Type& mapped) {
        if (!value.isGenericDict()) return false;
        for (const auto& each : value.toGenericDict())
            if (!fits(each.key(), key) || !fits(each.value(), mapped)) return false;
        return true;
    }

    bool fits_tuple(const c10::IValue& value, const c10::Type& type) {
        const auto& types = type.containedTypes();
        if (!value.isTuple() || value.toTupleRef().elements().size() != types.size()) return false;
        for (std::size_t i = 0; i < types.size(); ++i)
            if (!fits(value.toTupleRef().elements()[i], *types[i])) return false;
        return true;
    }

    std::unordered_set<const c10::ivalue::Object*> seen_;
    std::vector<c10::intrusive_ptr<c10::ivalue::Object>> waiting_;
};

} // namespace

void check_attribute_types(const torch::jit::Module& module) { Check{}.run(module._ivalue()); }

} // namespace millrace::torch_module
