#include "api/protocol/protocol_request.hpp"

#include "api/protocol/protocol_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace millrace::api::protocol {
namespace {

constexpr std::size_t max_tensors = 256, max_name = 256;
constexpr std::int64_t max_classes = 100'000;
constexpr std::int64_t longest_timeout = 3600LL * 1'000'000; // microseconds

constexpr std::string_view no_sequences =
    "the server keeps no state for sequences of requests; give the model its state as an input, and take "
    "the new one from its outputs";

Error bad(std::string detail) { return {Code::invalid_argument, std::move(detail)}; }

// "input" or "output", with its name once that is known.
Result<std::string> tensor_name(const json::object& object, std::string_view what) {
    auto name = string_field(object, "name", max_name);
    if (!name || !*name || (*name)->empty())
        return bad(fmt::format("each {} needs a \"name\" of at most {} bytes", what, max_name));
    return std::move(**name);
}

Result<values::Shape> shape_of(const json::object& object, const std::string& name) {
    const Error wrong = bad(fmt::format("\"shape\" of input \"{}\" must be an array of at most {} numbers of 0 or more",
                                        name, values::max_rank + 1));
    const auto* value = field(object, "shape");
    if (!value || !value->is_array() || value->as_array().size() > values::max_rank + 1) return wrong;
    values::Shape shape;
    for (const auto& dimension : value->as_array()) {
        boost::system::error_code failure;
        const auto size = dimension.to_number<std::int64_t>(failure);
        if (failure || size < 0) return wrong;
        shape.push_back(size);
    }
    if (!values::element_count(shape)) return bad(fmt::format("\"shape\" of input \"{}\" has too many elements", name));
    return shape;
}

// Its parameters, which are an object or nothing. Those that are not known here are left alone, as the protocol wants
// it.
Result<json::object> parameters_of(const json::object& object, std::string_view whose) {
    const auto* value = field(object, "parameters");
    if (!value) return json::object{};
    if (!value->is_object()) return bad(fmt::format("\"parameters\" of {} must be an object", whose));
    if (field(value->as_object(), "shared_memory_region"))
        return bad(fmt::format("{} is in shared memory, which is not supported: send it in the body", whose));
    return value->as_object();
}

Error as_bad(Error error) { return bad(std::move(error.detail)); }

Result<InputTensor> read_input(const json::value& value, InferDocument::Data& data) {
    if (!value.is_object()) return bad("each of \"inputs\" must be an object");
    const auto& object = value.as_object();
    auto name = tensor_name(object, "input");
    if (!name) return name.error();
    InputTensor input;
    input.name = std::move(*name);
    const auto type_name = string_field(object, "datatype");
    const auto type = type_name && *type_name ? wire_type(**type_name) : std::nullopt;
    if (!type)
        return bad(fmt::format(
            "\"datatype\" of input \"{}\" must be BOOL, INT8 … INT64, UINT8, FP16, BF16, FP32, FP64 or BYTES",
            input.name));
    input.type = *type;
    auto shape = shape_of(object, input.name);
    if (!shape) return shape.error();
    input.shape = std::move(*shape);
    const auto parameters = parameters_of(object, fmt::format("input \"{}\"", input.name));
    if (!parameters) return parameters.error();
    const auto size = integer_field(*parameters, "binary_data_size", 0, std::int64_t{1} << 40);
    if (!size) return as_bad(size.error());
    const auto count = *values::element_count(input.shape);
    if (*size) {
        if (data.present || field(object, "data"))
            return bad(fmt::format("input \"{}\" has \"data\" and a binary size: it can have one of them", input.name));
        input.binary_size = static_cast<std::uint64_t>(**size);
    } else if (!data.present) {
        return bad(
            fmt::format("input \"{}\" needs \"data\", an array, or the parameter \"binary_data_size\"", input.name));
    } else if (data.count != count) {
        return bad(fmt::format("input \"{}\" has {} elements, but its shape {} has {}", input.name, data.count,
                               values::shape_text(input.shape), count));
    }
    if (*size && !input.type.bytes && *input.binary_size != count * values::element_size(input.type.datatype))
        return bad(fmt::format("input \"{}\" announces {} bytes, but {} {} elements have {}", input.name,
                               *input.binary_size, count, protocol::name(input.type),
                               count * values::element_size(input.type.datatype)));
    input.bytes = std::move(data.bytes);
    return input;
}

Result<RequestedOutput> read_output(const json::value& value, bool binary) {
    if (!value.is_object()) return bad("each of \"outputs\" must be an object");
    auto name = tensor_name(value.as_object(), "output");
    if (!name) return name.error();
    const auto parameters = parameters_of(value.as_object(), fmt::format("output \"{}\"", *name));
    if (!parameters) return parameters.error();
    const auto classes = integer_field(*parameters, "classification", 0, max_classes);
    if (!classes) return as_bad(classes.error());
    const auto wanted = boolean_field(*parameters, "binary_data");
    if (!wanted) return as_bad(wanted.error());
    return RequestedOutput{std::move(*name), static_cast<int>(classes->value_or(0)), wanted->value_or(binary)};
}

// 0 is the default and 1 the highest there; here 9 is the highest.
int priority_of(std::int64_t theirs) {
    if (theirs == 0) return values::default_priority;
    return static_cast<int>(std::max<std::int64_t>(values::lowest_priority, values::highest_priority + 1 - theirs));
}

// No model here keeps a state for a sequence of requests; to go on without it would answer something else than what was
// asked.
Result<void> refuse_sequence(const json::object& parameters) {
    const auto* id = field(parameters, "sequence_id");
    const bool none =
        !id || (id->is_string() ? id->get_string().empty()
                                : id->is_number() && id->to_number<double>() == 0); // as the protocol has it
    for (const auto* member : {"sequence_start", "sequence_end"}) {
        const auto set = boolean_field(parameters, member);
        if (!set) return as_bad(set.error());
        if (set->value_or(false)) return bad(fmt::format("\"{}\": {}", member, no_sequences));
    }
    if (!none) return bad(fmt::format("\"sequence_id\": {}", no_sequences));
    return success();
}

Result<void> read_settings(const json::object& root, InferRequest& request) {
    auto id = string_field(root, "id", 1024);
    if (!id) return as_bad(id.error());
    request.id = std::move(*id).value_or("");
    const auto parameters = parameters_of(root, "the request");
    if (!parameters) return parameters.error();
    if (auto none = refuse_sequence(*parameters); !none) return none.error();
    const auto priority = integer_field(*parameters, "priority", 0, std::numeric_limits<std::int64_t>::max());
    if (!priority) return as_bad(priority.error());
    request.priority = priority_of(priority->value_or(0));
    const auto timeout = integer_field(*parameters, "timeout", 0, std::numeric_limits<std::int64_t>::max());
    if (!timeout) return as_bad(timeout.error());
    if (*timeout && **timeout > 0) request.timeout = std::chrono::microseconds{std::min(**timeout, longest_timeout)};
    const auto binary = boolean_field(*parameters, "binary_data_output");
    if (!binary) return as_bad(binary.error());
    request.binary_output = binary->value_or(false);
    return success();
}

template <class T>
Result<void> refuse_twice(const std::vector<T>& tensors, std::string_view what) {
    for (std::size_t i = 1; i < tensors.size(); ++i)
        for (std::size_t k = 0; k < i; ++k)
            if (tensors[i].name == tensors[k].name)
                return bad(fmt::format("the {} \"{}\" is there twice", what, tensors[i].name));
    return success();
}

} // namespace

std::optional<WireType> wire_type(std::string_view name) {
    if (name == "BYTES") return WireType{true};
    if (const auto type = values::datatype(name)) return WireType{false, *type};
    return std::nullopt;
}

std::string_view name(WireType type) { return type.bytes ? "BYTES" : values::name(type.datatype); }

Result<InferRequest> parse_infer(std::string_view text) {
    auto document = read_document(text);
    if (!document) return document.error();
    if (!document->root.is_object()) return bad("the request must be a JSON object");
    const auto& root = document->root.as_object();
    InferRequest request;
    if (auto read = read_settings(root, request); !read) return read.error();

    const auto* inputs = field(root, "inputs");
    if (!inputs || !inputs->is_array() || inputs->as_array().empty())
        return bad("\"inputs\" must be an array with the model's inputs");
    if (inputs->as_array().size() > max_tensors) return bad(fmt::format("more than {} inputs", max_tensors));
    // Only objects have data; anything else among them is refused here.
    std::size_t place = 0;
    InferDocument::Data none;
    for (const auto& value : inputs->as_array()) {
        auto input = read_input(value, value.is_object() ? document->data[place++] : none);
        if (!input) return input.error();
        request.inputs.push_back(std::move(*input));
    }
    if (const auto* outputs = field(root, "outputs")) {
        if (!outputs->is_array() || outputs->as_array().size() > max_tensors)
            return bad(fmt::format("\"outputs\" must be an array of at most {}", max_tensors));
        for (const auto& value : outputs->as_array()) {
            auto output = read_output(value, request.binary_output);
            if (!output) return output.error();
            request.outputs.push_back(std::move(*output));
        }
    }
    if (auto single = refuse_twice(request.inputs, "input"); !single) return single.error();
    if (auto single = refuse_twice(request.outputs, "output"); !single) return single.error();
    return request;
}

Result<std::optional<std::uint64_t>> header_length(std::string_view field, std::optional<std::uint64_t> body) {
    if (field.empty()) return std::optional<std::uint64_t>{};
    std::uint64_t length = 0;
    const auto [end, failure] = std::from_chars(field.data(), field.data() + field.size(), length);
    if (failure != std::errc{} || end != field.data() + field.size() || length == 0)
        return bad("Inference-Header-Content-Length must be the number of bytes of the JSON");
    if (body && length > *body)
        return bad(fmt::format("Inference-Header-Content-Length is {}, but the body has {} bytes", length, *body));
    return std::optional{length};
}

Result<std::vector<std::string_view>> split_elements(std::string_view bytes, std::size_t most) {
    std::vector<std::string_view> elements;
    while (!bytes.empty()) {
        if (elements.size() == most) return bad(fmt::format("there are more than {} BYTES elements", most));
        std::uint32_t size = 0;
        if (bytes.size() < sizeof size) return bad("a BYTES element needs its length in 4 bytes before it");
        std::memcpy(&size, bytes.data(), sizeof size);
        bytes.remove_prefix(sizeof size);
        if (size > bytes.size())
            return bad(fmt::format("a BYTES element announces {} bytes, but {} are left", size, bytes.size()));
        elements.push_back(bytes.substr(0, size));
        bytes.remove_prefix(size);
    }
    return elements;
}

void append_element(std::string& bytes, std::string_view element) {
    const auto size = static_cast<std::uint32_t>(element.size());
    char raw[sizeof size];
    std::memcpy(raw, &size, sizeof size);
    bytes.append(raw, sizeof size).append(element);
}

} // namespace millrace::api::protocol
