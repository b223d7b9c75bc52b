// What a model is and how it is to be used: written by its author as JSON beside the model file, checked once
// when it is pushed, and read-only from then on. Pure values; the JSON form is described in docs/models.md.
#pragma once
#include "base/json.hpp"
#include "base/result.hpp"
#include "model/tensor.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::model {

enum class Task { image_classification, pixel_classification, tensor };
enum class InputKind { image, tensor };
enum class ImageColor { gray, rgb };
enum class PostprocessKind { softmax_top_k, argmax_map, raw };

std::string_view name(Task task);
std::string_view name(InputKind kind);
std::string_view name(ImageColor color);
std::string_view name(PostprocessKind kind);

// How a picture becomes a tensor: decoded to 8 bits, converted to `color`, resized to width x height (bilinear,
// every source pixel counted when shrinking), then (value * scale - mean) / deviation per channel, as CHW.
struct ImageRule {
    ImageColor color = ImageColor::rgb;
    int height = 0, width = 0;      // as shape[1], shape[2]
    double scale = 1.0 / 255;
    std::vector<double> mean, deviation; // one a channel
};

struct InputSpec {
    TensorSpec tensor;
    InputKind kind = InputKind::tensor;
    ImageRule image;                // of kind image only
};

struct Postprocess {
    PostprocessKind kind = PostprocessKind::raw;
    int top_k = 5;                       // softmax_top_k
    std::vector<std::uint32_t> colors;   // argmax_map: 0xRRGGBB, one a label
};

struct Accuracy {
    double held_out = 0;
    std::string metric, note;
    std::int64_t samples = 0;
};

struct Manifest {
    int format = 1;
    std::string name, description;
    Task task = Task::tensor;
    InputSpec input;
    TensorSpec output;
    std::vector<std::string> labels;
    Postprocess postprocess;
    int max_batch = 1;
    double max_delay_ms = 0;
    std::uint64_t max_input_bytes = 1 << 20;
    double timeout_seconds = 30;
    std::optional<Accuracy> accuracy;
    bool warm_up = true;

    // unprocessable with the member's name and the reason; every rule between the members is checked here, so
    // that a Manifest in memory is always sound.
    static Result<Manifest> from_json(const json::value& value);
    static Result<Manifest> parse(std::string_view text); // also invalid_argument for text that is not JSON

    json::object to_json() const; // the normal form: from_json(to_json()) gives the same manifest
};

inline constexpr std::size_t max_manifest_bytes = 256 * 1024;

// 1-64 characters of a-z 0-9 - _ . and beginning with a letter or digit: fit for paths, labels and addresses.
bool is_model_name(std::string_view name);
bool is_model_version(std::string_view version); // 1-32 characters of the same

} // namespace millrace::model
