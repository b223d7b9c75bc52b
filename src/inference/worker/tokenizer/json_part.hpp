// One object of a tokenizer's JSON file, read with errors that name the place:
// "pre_tokenizer.pretokenizers[0].behavior". Borrows the object.
#pragma once
#include "base/json.hpp"
#include "inference/worker/tokenizer/file_error.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace millrace::inference::worker {

class JsonPart {
public:
    JsonPart(const json::object& object, std::string place) : object_{object}, place_{std::move(place)} {}

    [[noreturn]] void refuse(std::string_view member, std::string_view what) const {
        throw FileError{fmt::format("{}{}{}: {}", place_, place_.empty() || member.empty() ? "" : ".", member, what)};
    }
    const json::value* value(std::string_view member) const {
        return field(object_, member);
    } // absent or null: nullptr
    std::string_view text(std::string_view member) const {
        const auto* found = value(member);
        if (!found || !found->is_string()) refuse(member, "a string is needed");
        return view(*found);
    }
    std::string_view text_or(std::string_view member, std::string_view otherwise) const {
        return value(member) ? text(member) : otherwise;
    }
    bool truth_or(std::string_view member, bool otherwise) const {
        const auto* found = value(member);
        if (found && !found->is_bool()) refuse(member, "true or false is needed");
        return found ? found->get_bool() : otherwise;
    }
    std::int64_t integer(std::string_view member, std::int64_t low, std::int64_t high) const {
        const auto* found = value(member);
        if (!found) refuse(member, "a number is needed");
        return integer(*found, member, low, high);
    }
    std::int64_t integer(const json::value& of, std::string_view member, std::int64_t low, std::int64_t high) const {
        boost::system::error_code failure;
        const auto number = of.to_number<std::int64_t>(failure);
        if (!of.is_number() || failure || number < low || number > high)
            refuse(member, fmt::format("a number from {} to {} is needed", low, high));
        return number;
    }
    const json::array& array(std::string_view member) const {
        const auto* found = value(member);
        if (!found || !found->is_array()) refuse(member, "an array is needed");
        return found->get_array();
    }
    JsonPart part(std::string_view member) const {
        const auto* found = value(member);
        if (!found || !found->is_object()) refuse(member, "an object is needed");
        return {found->get_object(), inside(member)};
    }
    JsonPart part(const json::value& element, std::string_view member, std::size_t i) const {
        if (!element.is_object()) refuse(member, "an array of objects is needed");
        return {element.get_object(), fmt::format("{}[{}]", inside(member), i)};
    }
    const json::object& object() const { return object_; }

    static std::string_view view(const json::value& text) {
        return {text.get_string().data(), text.get_string().size()};
    }
    static std::string_view view(const json::string_view& text) { return {text.data(), text.size()}; }

private:
    std::string inside(std::string_view member) const {
        return fmt::format("{}{}{}", place_, place_.empty() ? "" : ".", member);
    }

    const json::object& object_;
    std::string place_;
};

} // namespace millrace::inference::worker
