#include "api/protocol/protocol_json.hpp"

#include "base/nearest_double.hpp"

#include <fmt/format.h>

#include <boost/json/basic_parser_impl.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace millrace::api::protocol {
namespace {

using boost::system::error_code;
using values::Datatype;

template <class T>
bool append(std::string& bytes, T value) {
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    bytes.append(raw, sizeof value);
    return true;
}

// One number as an element of type T; false when it does not fit.
template <class T, class N>
bool append_number(std::string& bytes, N number) {
    if constexpr (std::is_floating_point_v<T>) {
        const auto value = static_cast<T>(number);
        return std::isfinite(value) && append(bytes, value);
    } else if constexpr (std::is_floating_point_v<N>) {
        // The upper bound itself is not representable as a double for 64 bits, so it is excluded.
        const auto beyond = std::ldexp(1.0, std::numeric_limits<T>::digits);
        return std::trunc(number) == number && number >= static_cast<double>(std::numeric_limits<T>::min()) &&
               number < beyond && append(bytes, static_cast<T>(number));
    } else {
        return std::in_range<T>(number) && append(bytes, static_cast<T>(number));
    }
}

template <class N>
bool append_number(std::string& bytes, Datatype type, N number) {
    switch (type) {
    case Datatype::boolean: return (number == 0 || number == 1) && append(bytes, static_cast<std::uint8_t>(number));
    case Datatype::uint8: return append_number<std::uint8_t>(bytes, number);
    case Datatype::int8: return append_number<std::int8_t>(bytes, number);
    case Datatype::int16: return append_number<std::int16_t>(bytes, number);
    case Datatype::int32: return append_number<std::int32_t>(bytes, number);
    case Datatype::int64: return append_number<std::int64_t>(bytes, number);
    case Datatype::fp32: return append_number<float>(bytes, number);
    case Datatype::fp64: return append_number<double>(bytes, number);
    default: return false; // refused where the array begins
    }
}

using Types = std::vector<std::optional<WireType>>; // of the inputs, by place

// Receives the events of the parser. Inside "data" of an element of "inputs" it converts; all else goes on to a stack
// of JSON values.
class Handler {
public:
    static constexpr std::size_t max_object_size = std::size_t(-1), max_array_size = std::size_t(-1),
                                 max_key_size = std::size_t(-1), max_string_size = std::size_t(-1);

    explicit Handler(Types types) : types_{std::move(types)} { stack_.reset(); }

    bool on_document_begin(error_code&) { return true; }
    bool on_document_end(error_code&) { return true; }

    bool on_object_begin(error_code& ec) {
        if (collecting_) return fail(ec, "objects");
        if (in_inputs()) begin_input();
        place_ += '{';
        return true;
    }
    bool on_object_end(std::size_t n, error_code&) {
        place_.pop_back();
        stack_.push_object(n);
        return true;
    }
    bool on_array_begin(error_code& ec) {
        if (!collecting_ && at_member("data")) return begin_data(ec);
        place_ += '[';
        return !collecting_ || place_.size() <= data_place_ + values::max_rank ||
               fail(ec, "arrays in more dimensions than a tensor has");
    }
    bool on_array_end(std::size_t n, error_code&) {
        place_.pop_back();
        if (!collecting_) {
            stack_.push_array(n);
        } else if (place_.size() < data_place_) {
            collecting_ = false;
            stack_.push_null();
        }
        return true;
    }

    bool on_key_part(json::string_view part, std::size_t, error_code&) {
        key_.append(part.data(), part.size());
        stack_.push_chars(part);
        return true;
    }
    bool on_key(json::string_view part, std::size_t, error_code&) {
        key_.append(part.data(), part.size());
        stack_.push_key(part);
        ++keys_;
        if (place_ == "{") root_key_ = key_;
        else if (in_input()) input_key_ = key_;
        key_.clear();
        return true;
    }

    bool on_string_part(json::string_view part, std::size_t, error_code&) {
        text_.append(part.data(), part.size());
        if (!collecting_) stack_.push_chars(part);
        return true;
    }
    bool on_string(json::string_view part, std::size_t, error_code& ec) {
        text_.append(part.data(), part.size());
        bool good = true;
        if (!collecting_) {
            stack_.push_string(part);
            if (at_member("datatype")) type_of_input() = wire_type(text_);
        } else {
            good = on_text(ec);
        }
        text_.clear();
        return good;
    }

    bool on_number_part(json::string_view part, error_code&) {
        text_ += part;
        return true;
    }
    bool on_int64(std::int64_t number, json::string_view rest, error_code& ec) {
        const bool minus_zero = number == 0 && (text_.empty() ? std::string_view{rest} : text_).starts_with('-');
        text_.clear();
        if (collecting_) return minus_zero ? on_number(-0.0, ec) : on_number(number, ec);
        stack_.push_int64(number);
        return true;
    }
    bool on_uint64(std::uint64_t number, json::string_view, error_code& ec) {
        text_.clear();
        if (collecting_) return on_number(number, ec);
        stack_.push_uint64(number);
        return true;
    }
    bool on_double(double about, json::string_view rest, error_code& ec) {
        if (!text_.empty()) rest = text_ += rest;
        const auto number = nearest_double(rest, about);
        text_.clear();
        if (!number && collecting_) return fail(ec, "a number past the range of doubles");
        if (!number) return refuse(ec, "a number is past the range of doubles");
        if (collecting_) return on_number(*number, ec);
        stack_.push_double(*number);
        return true;
    }
    bool on_bool(bool value, error_code& ec) {
        if (!collecting_) {
            stack_.push_bool(value);
            return true;
        }
        const auto type = type_of_input();
        if (type && (type->bytes || type->datatype != Datatype::boolean)) return fail(ec, value ? "true" : "false");
        return on_number(static_cast<std::int64_t>(value), ec);
    }
    bool on_null(error_code& ec) {
        if (collecting_) return fail(ec, "null");
        stack_.push_null();
        return true;
    }
    bool on_comment_part(json::string_view, error_code&) { return true; }
    bool on_comment(json::string_view, error_code&) { return true; }

    const std::string& failure() const { return failure_; }
    std::size_t keys() const { return keys_; }
    // Some "data" came before its "datatype": the types are known now, so read again.
    std::optional<Types> wants_another_pass() const { return untyped_ ? std::optional{types_} : std::nullopt; }
    InferDocument release() { return {stack_.release(), std::move(data_)}; }

private:
    bool in_inputs() const { return place_ == "{[" && root_key_ == "inputs"; }
    bool in_input() const { return place_ == "{[{" && root_key_ == "inputs"; }
    bool at_member(std::string_view key) const { return in_input() && input_key_ == key; }
    std::optional<WireType>& type_of_input() { return types_[data_.size() - 1]; }

    void begin_input() {
        data_.emplace_back();
        input_key_.clear();
        if (types_.size() < data_.size()) types_.emplace_back();
    }

    bool begin_data(error_code& ec) {
        place_ += '[';
        data_place_ = place_.size();
        collecting_ = true;
        data_.back().present = true;
        const auto type = type_of_input();
        untyped_ = untyped_ || !type;
        const bool half =
            type && !type->bytes && (type->datatype == Datatype::fp16 || type->datatype == Datatype::bf16);
        return !half || fail(ec, fmt::format("{}, which has no form in JSON: send it as binary", name(*type)), false);
    }

    template <class N>
    bool on_number(N number, error_code& ec) {
        auto& data = data_.back();
        ++data.count;
        const auto type = type_of_input();
        if (!type) return true;
        return (!type->bytes && append_number(data.bytes, type->datatype, number)) ||
               fail(ec, fmt::format("{}", number));
    }

    bool on_text(error_code& ec) {
        auto& data = data_.back();
        ++data.count;
        const auto type = type_of_input();
        if (!type) return true;
        if (!type->bytes) return fail(ec, "a string");
        append_element(data.bytes, text_);
        return true;
    }

    bool fail(error_code& ec, const std::string& what, bool as_element = true) {
        const auto type = type_of_input();
        failure_ = as_element && type ? fmt::format("\"data\" of input {} holds {}, which is no {}", data_.size() - 1,
                                                    what, name(*type))
                                      : fmt::format("\"data\" of input {} holds {}", data_.size() - 1, what);
        return refuse(ec, std::move(failure_));
    }

    bool refuse(error_code& ec, std::string why) {
        failure_ = std::move(why);
        ec = make_error_code(boost::system::errc::invalid_argument);
        return false;
    }

    json::value_stack stack_;
    std::string place_;      // the open brackets
    std::string key_, text_; // the key, and the string or number, so far
    std::string root_key_, input_key_;
    std::size_t keys_ = 0, data_place_ = 0;
    bool collecting_ = false, untyped_ = false;
    Types types_;
    std::vector<InferDocument::Data> data_;
    std::string failure_;
};

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

struct Pass {
    InferDocument document;
    std::optional<Types> another;
};

Result<Pass> read_once(std::string_view text, Types types) {
    json::basic_parser<Handler> parser({.max_depth = max_json_depth}, std::move(types));
    error_code failure;
    const auto used = parser.write_some(false, text.data(), text.size(), failure);
    if (!parser.handler().failure().empty()) return Error{Code::invalid_argument, parser.handler().failure()};
    if (failure)
        return Error{Code::invalid_argument,
                     fmt::format("not acceptable JSON at byte {}: {}", used, failure.message())};
    if (!is_blank(text.substr(used)))
        return Error{Code::invalid_argument,
                     fmt::format("not acceptable JSON: something follows the value at byte {}", used)};
    const auto keys = parser.handler().keys();
    auto another = parser.handler().wants_another_pass();
    Pass pass{parser.handler().release(), std::move(another)};
    if (count_members(pass.document.root) != keys)
        return Error{Code::invalid_argument, "not acceptable JSON: an object has the same key twice"};
    return pass;
}

} // namespace

Result<InferDocument> read_document(std::string_view text) {
    auto pass = read_once(text, {});
    if (!pass) return pass.error();
    if (!pass->another) return std::move(pass->document);
    const auto known = [](const std::optional<WireType>& type) { return type.has_value(); };
    if (!std::all_of(pass->another->begin(), pass->another->end(), known))
        return std::move(pass->document); // refused by its reader
    auto again = read_once(text, std::move(*pass->another));
    if (!again) return again.error();
    return std::move(again->document);
}

} // namespace millrace::api::protocol
