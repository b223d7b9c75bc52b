#include "store/move/row_key.hpp"

#include "base/json_text.hpp"

namespace millrace::store {

RowKey RowKey::parse(std::string_view text) {
    boost::system::error_code failure;
    const auto value = json::parse(text, failure);
    if (failure || !value.is_array()) throw DatabaseError{Fault::broken, "a move's note of a key is malformed"};
    std::vector<Part> parts;
    for (const auto& each : value.get_array()) {
        if (each.is_int64()) parts.emplace_back(each.get_int64());
        else if (each.is_string()) parts.emplace_back(std::string{each.get_string()});
        else throw DatabaseError{Fault::broken, "a move's note of a key is malformed"};
    }
    return RowKey{std::move(parts)};
}

std::string RowKey::text() const {
    json::array all;
    for (const auto& part : parts_)
        std::visit([&all](const auto& value) { all.emplace_back(json::value_from(value)); }, part);
    return json_text(json::value(std::move(all)));
}

void RowKey::bind(std::vector<Value>& values) const {
    for (const auto& part : parts_) std::visit([&values](const auto& value) { values.emplace_back(value); }, part);
}

} // namespace millrace::store
