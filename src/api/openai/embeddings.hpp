// POST /v1/embeddings in OpenAI's form: what is asked for, and the answer. Pure.
#pragma once
#include "base/json.hpp"
#include "base/result.hpp"
#include "inference/prediction.hpp"
#include "values/manifest.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::api::openai {

inline constexpr std::size_t max_texts = 2048; // of one request

// "minilm", or "minilm:2" for a version of it. Names have no colon.
struct ModelId {
    std::string name;
    std::optional<std::string> version;
};
ModelId read_model_id(std::string_view text);

struct EmbeddingsRequest {
    ModelId model;
    std::string model_as_asked;
    std::vector<inference::Input> inputs; // one a vector
    bool base64 = false;                  // the vectors' FP32 numbers, little-endian, in base64
    std::optional<std::int64_t> dimensions;
};

// invalid_argument, naming the member, for what the API does not take.
Result<EmbeddingsRequest> parse_embeddings(std::string_view body);

// The length of the model's vectors: it takes one text (and what goes with it), and gives one vector of FP32 as it is.
// nullopt for any other model.
std::optional<std::int64_t> embedding_size(const values::Manifest& manifest);

// internal when a prediction is no vector of numbers, all as long.
Result<std::string> render_embeddings(const EmbeddingsRequest& request,
                                      const std::vector<inference::Prediction>& predictions);

} // namespace millrace::api::openai
