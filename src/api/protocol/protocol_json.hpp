// The JSON of an inference request, read in one pass: a million numbers go straight into the bytes of their tensor, and
// only what stands around them becomes JSON values.
#pragma once
#include "api/protocol/protocol_request.hpp"
#include "base/json.hpp"

namespace millrace::api::protocol {

struct InferDocument {
    json::value root; // in place of each input's "data": null
    struct Data {
        std::string bytes;
        std::uint64_t count = 0;
        bool present = false;
    };
    std::vector<Data> data; // by the place of the input
};

// invalid_argument with what is wrong: also for numbers that do not fit into the input's datatype.
Result<InferDocument> read_document(std::string_view text);

} // namespace millrace::api::protocol
