// A request of the Open Inference Protocol (version 2, with Triton's extensions) as plain values. Pure: no I/O, and
// nothing here knows which model is asked.
//
// A body is JSON, and behind it the elements of those inputs that announce a binary size, in the order of the inputs.
// The field Inference-Header-Content-Length says where the JSON ends.
#pragma once
#include "base/result.hpp"
#include "values/job.hpp"
#include "values/tensor.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::api::protocol {

// A type as the protocol names it: one of the types of tensors, or BYTES, whose elements have lengths of their own.
struct WireType {
    bool bytes = false;
    values::Datatype datatype = values::Datatype::fp32; // unless `bytes`
};
std::optional<WireType> wire_type(std::string_view name);
std::string_view name(WireType type);

struct InputTensor {
    std::string name;
    WireType type;
    values::Shape shape;                      // with the batch dimension
    std::optional<std::uint64_t> binary_size; // its elements follow the JSON
    std::string bytes;                        // the elements; of BYTES each behind its length of 4 bytes
};

struct RequestedOutput {
    std::string name;
    int classes = 0; // the highest so many, as "value:index:label"; 0: the tensor itself
    bool binary = false;
};

struct InferRequest {
    std::string id;
    int priority = values::default_priority; // as everywhere here: 9 first
    std::optional<std::chrono::microseconds> timeout;
    bool binary_output = false; // of what `outputs` does not name
    std::vector<InputTensor> inputs;
    std::vector<RequestedOutput> outputs; // empty: all
};

// Reads the JSON. The elements that stand in it are converted to their types and counted; those that follow it are left
// to the caller. invalid_argument, with the tensor's name where there is one.
Result<InferRequest> parse_infer(std::string_view text);

// Where the JSON ends: nullopt when `field` is empty, for then the whole body is JSON. `body` is the body's length,
// where it is known. invalid_argument for what is no length, and for one beyond the body.
Result<std::optional<std::uint64_t>> header_length(std::string_view field, std::optional<std::uint64_t> body);

// The elements of a BYTES tensor, as views into it. invalid_argument when the lengths and the size disagree, or when
// there are more than `most`.
Result<std::vector<std::string_view>> split_elements(std::string_view bytes, std::size_t most);
void append_element(std::string& bytes, std::string_view element);

} // namespace millrace::api::protocol
