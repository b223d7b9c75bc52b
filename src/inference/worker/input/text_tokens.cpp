#include "inference/worker/input/text_tokens.hpp"

#include "inference/worker/tokenizer/tokenizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace millrace::inference::worker {
namespace {

using values::TextPart;

const Tokenizer& tokenizer_of(const values::InputSpec& input) {
    if (!input.text.opened) throw std::logic_error{"the manifest's tokenizers have not been opened"};
    return *input.text.opened;
}

std::int64_t value_of(const Encoding& encoding, TextPart part, std::size_t i) {
    switch (part) {
    case TextPart::ids: return encoding.ids[i];
    case TextPart::token_types: return encoding.types[i];
    case TextPart::attention_mask: break;
    }
    return i >= encoding.padded_left && i - encoding.padded_left < encoding.length ? 1 : 0;
}

template <class T>
void write(std::vector<std::byte>& bytes, const Encoding& encoding, TextPart part) {
    bytes.resize(encoding.ids.size() * sizeof(T));
    for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
        const auto value = static_cast<T>(value_of(encoding, part, i));
        std::memcpy(bytes.data() + i * sizeof value, &value, sizeof value);
    }
}

// Only the ids count as tokens: the others go with them.
TensorValue tensor_of(Encoding encoding, const values::InputSpec& input) {
    const auto& rule = input.text;
    const auto own = static_cast<std::int64_t>(encoding.length);
    pad(encoding, rule.open ? 1 : static_cast<std::size_t>(rule.length), tokenizer_of(input).padding());
    TensorValue value{input.tensor.datatype, {static_cast<std::int64_t>(encoding.ids.size())}, {}};
    if (rule.part == TextPart::ids) value.tokens = own;
    if (value.datatype == values::Datatype::int64) write<std::int64_t>(value.bytes, encoding, rule.part);
    else write<std::int32_t>(value.bytes, encoding, rule.part);
    return value;
}

} // namespace

TensorValue text_tensor(std::string_view text, std::optional<std::string_view> pair, const values::InputSpec& input) {
    return tensor_of(
        tokenizer_of(input).encode(text, pair, static_cast<std::size_t>(input.text.length), input.text.cut), input);
}

TensorValue numbered_tensor(const json::value& list, const values::InputSpec& input) {
    if (!list.is_array() || list.get_array().empty())
        throw InputError{"\"tokens\" must be an array of numbers, or of such arrays"};
    const auto& array = list.get_array();
    if (array.size() > static_cast<std::size_t>(input.text.length))
        throw InputError{
            fmt::format("there are {} tokens, the model takes at most {}", array.size(), input.text.length)};
    const auto highest =
        input.text.tokenizer == values::Tokenizer::bytes ? std::int64_t{65'535} : tokenizer_of(input).highest();
    Encoding encoding;
    for (const auto& each : array) {
        boost::system::error_code failure;
        const auto token = each.to_number<std::int64_t>(failure);
        if (!each.is_number() || failure || token < 0 || token > highest)
            throw InputError{fmt::format("a token must be a number from 0 to {}", highest)};
        encoding.ids.push_back(token);
    }
    encoding.length = encoding.ids.size();
    encoding.types.resize(encoding.length);
    return tensor_of(std::move(encoding), input);
}

} // namespace millrace::inference::worker
