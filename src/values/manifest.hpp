// What a model is and how it is to be used: written by its author as JSON beside the model file, checked once
// when it is pushed, and read-only from then on. Pure values; the JSON form is described in docs/models.md.
#pragma once
#include "base/json.hpp"
#include "base/result.hpp"
#include "values/chain.hpp"
#include "values/postprocess.hpp"
#include "values/tensor.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::values {

enum class Task {
    image_classification,
    pixel_classification,
    classification,
    tensor,
    regression,
    object_detection,
    chain
};
enum class InputKind { image, tensor, text, row };
enum class ImageColor { gray, rgb, bands };
enum class ImageLayout { chw, hwc };
enum class Orientation { as_shown, as_stored };
enum class Interpolation { nearest, box, bilinear, hamming, bicubic, lanczos };
enum class Tokenizer { bytes, words, word_pieces, byte_pairs, file };
enum class Cut { longest_first, only_first, only_second }; // which of two texts is cut when they are too long together
enum class TextPart { ids, attention_mask, token_types };
enum class Precision { fp32, bf16 };
enum class Isolation { shared, own };

std::string_view name(Task task);
std::string_view name(InputKind kind);
std::string_view name(ImageColor color);
std::string_view name(ImageLayout layout);
std::string_view name(Orientation orientation);
std::string_view name(Interpolation interpolation);
std::string_view name(Tokenizer tokenizer);
std::string_view name(Cut cut);
std::string_view name(TextPart part);
std::string_view name(Precision precision);
std::string_view name(Isolation isolation);

// How a picture is made to fit a shape of fixed sides whole: as large as possible in proportion, the rest filled.
struct Letterbox {
    bool enlarge = true;  // small pictures, too
    bool centered = true; // else it lies at the upper left
};

// How a picture becomes a tensor: decoded, turned upright as its file says (as_shown), its transparency laid over
// `background` or dropped, converted to `color`, resized, cropped around its centre or filled up to width x height,
// then (value * scale - mean) / deviation per channel. Gray and rgb are 8 bits a channel (deeper ones are reduced);
// bands are taken as the file has them (8 or 16 bits, or float), as many as the tensor has channels.
struct ImageRule {
    ImageColor color = ImageColor::rgb;
    ImageLayout layout = ImageLayout::chw;
    Orientation orientation = Orientation::as_shown;
    std::optional<std::uint32_t>
        background; // 0xRRGGBB, seen through what is transparent; none: transparency is dropped
    int channels = 3;
    int height = 0, width = 0; // what the model gets, as in the tensor's shape; 0 where that is open
    Interpolation interpolation = Interpolation::bilinear;
    bool antialias = true;                   // every source pixel counts when shrinking
    int resize_height = 0, resize_width = 0; // stretched to this; equal to height, width where nothing is cropped
    int resize_shorter = 0;                  // instead: the shorter side becomes this, the other follows in proportion,
    int resize_most = 0;                     // but the longer one no longer than this, unless 0
    int resize_longer = 0;                   // instead: the longer side
    std::optional<Letterbox> letterbox;      // instead
    std::uint32_t fill = 0;                  // 0xRRGGBB, beside the picture: of a letterbox, and up to multiple_of
    int least_side = 1, most_side = 0;       // what an open shape takes
    int multiple_of = 1;                     // of an open shape: filled up to that at the right and at the bottom
    double scale = 1.0 / 255;
    std::vector<double> mean, deviation; // one a channel

    bool open() const { return height == 0; } // each picture has a size of its own
};

class TextTokenizer; // text_tokenizer.hpp

// How a text, or a pair of texts, becomes a row of token numbers, or of what goes with these; cut to `length` and,
// unless it is open, padded to it.
struct TextRule {
    Tokenizer tokenizer = Tokenizer::bytes;
    int length = 0;         // as shape[0]; of an open one its max_length
    bool open = false;      // shape [-1]: as many as the text has; texts of one pass are padded to its longest
    bool lowercase = false; // bytes, words, word_pieces
    std::optional<bool> strip_accents; // word_pieces; none: as `lowercase`
    bool prefix_space = false;         // byte_pairs: the first word is written as those inside a text are
    Cut cut = Cut::longest_first;
    TextPart part = TextPart::ids; // else: what goes with the ids of the text input `of`, and no tokenizer of its own
    std::size_t of = 0;
    std::string file, merges_file;               // of the version: kind file's own, and byte_pairs' merges
    std::shared_ptr<const TextTokenizer> opened; // in the worker alone; shared by the copies of a manifest
    std::vector<std::string> vocabulary;         // words, word_pieces: a token's number is its place
    std::string vocabulary_file;                 // instead: a file of the version, a token a line; the worker reads it
    std::int64_t padding = 0, unknown = 0;
    std::optional<std::int64_t> begin, end; // put before and after the text's tokens
    struct {                                // of a vocabulary in a file: the same as words, until it has been read
        std::string padding, unknown, begin, end;
    } words;
    std::vector<std::uint32_t> sorted; // the vocabulary's places in the order of its words, to find one
};

// How a row of named values becomes numbers, in the order of the columns: a number as (value - mean) / deviation, a
// category as one place for each, 1 where it is the value's and 0 elsewhere.
enum class UnknownCategory { refused, ignored, own_place }; // ignored: all places 0; own_place: one more, the last
std::string_view name(UnknownCategory unknown);

struct Column {
    std::string name;
    std::vector<std::string> categories; // empty: a number
    UnknownCategory unknown = UnknownCategory::refused;
    double mean = 0, deviation = 1;
    std::optional<double> missing; // taken for an absent number; none: it must be there

    std::size_t places() const { // numbers that it becomes
        return categories.empty() ? 1 : categories.size() + (unknown == UnknownCategory::own_place ? 1 : 0);
    }
};

// An input, and which of forward()'s arguments it is: the next one by its place, or the one that `argument` names;
// where that is a dict, list or tuple that several inputs make together, the part `key` of it.
struct InputSpec {
    TensorSpec tensor;
    std::optional<std::string> argument, key;
    bool optional = false; // a request may leave it out: forward() gets None, or the argument's default
    InputKind kind = InputKind::tensor;
    ImageRule image;             // of kind image only
    TextRule text;               // of kind text only
    std::vector<Column> columns; // of kind row only
};

// An output, and which part of what forward() returns it is.
struct OutputSpec : TensorSpec {
    std::vector<std::string>
        path; // of keys and places; "*": each element of a list that has one a row. Empty: by name or place
    bool optional = false; // forward() may leave it out, or return None
};

// Open dimensions (-1) are filled up with `value` to the next of `buckets`, so that inputs of several sizes share a
// batch; above the last bucket they stay as they are.
struct Padding {
    std::vector<std::int64_t> buckets; // rising
    double value = 0;
};

struct Batching {
    int max_batch = 1; // rows of one forward pass
    double max_delay_ms = 0;
    std::optional<Padding> padding;
};

// How the model is run; 0 lets the worker choose by what it measures at the warm-up.
struct Execution {
    int threads = 0;   // of one forward pass
    int instances = 0; // forward passes at a time
    double weight = 1; // its share of a device's time beside other models
    Precision precision =
        Precision::fp32; // bf16 and channels_last are used only if the outputs stay within `tolerance`
    bool channels_last = false;
    double tolerance = 0.02; // of the largest absolute output, when compared with the plain model
};

struct Accuracy {
    double held_out = 0;
    std::string metric, note;
    std::int64_t samples = 0;
};

struct WarmUp {
    bool enabled = true;
    std::vector<std::string> inputs; // JSON texts as a prediction takes them; empty: numbers are made up
};

struct ModelName { // a model of the same organisation
    std::string model;
    std::optional<std::string> version; // none: its production version
};

struct Manifest {
    int format = 1;
    std::string name, description;
    Task task = Task::tensor;
    std::vector<Step> steps; // of a chain, which has none of what follows but fallback and accuracy until join_steps()
    std::vector<InputSpec> inputs;   // at least one, and at least one that is not optional
    std::vector<OutputSpec> outputs; // at least one
    std::vector<std::string> labels;
    Postprocess postprocess;
    Batching batching;
    std::uint64_t max_input_bytes = 1 << 20;
    double timeout_seconds = 30;
    Execution execution;
    bool buffers_shared = false; // what forward() changes of its module is kept from pass to pass, whoever asks
    WarmUp warm_up;
    std::optional<std::chrono::seconds> cache_for; // equal inputs are answered from the cache so long
    std::optional<ModelName> fallback;             // answers when this one cannot
    Isolation isolation = Isolation::shared;       // own: a worker process of its own, which no other model shares
    std::optional<Accuracy> accuracy;

    // How many inputs a client gives, and the first of them: what goes with a text (TextRule::part) is made of that
    // text.
    std::size_t given() const;
    std::size_t first_given() const;

    // unprocessable with the member's name and the reason; every rule between the members is checked here, so
    // that a Manifest in memory is always sound.
    static Result<Manifest> from_json(const json::value& value);
    static Result<Manifest> parse(std::string_view text); // also invalid_argument for text that is not JSON

    json::object to_json()
        const; // the normal form: from_json(to_json()) gives the same manifest, of a chain before join_steps()
    json::value only_input_json()
        const; // as it stands there, of a chain its first step's; null where there are several
};

// One output value for two labels: how likely the second is.
bool decides_between_two(const Manifest& manifest);

// Reads the vocabulary of a rule that leaves it to a file. unprocessable, naming the file, for one that cannot be it.
Result<void> put_vocabulary(TextRule& rule, std::string_view text);

inline constexpr std::size_t max_manifest_bytes = 4 << 20; // a vocabulary stands in it

// 1-64 characters of a-z 0-9 - _ . and beginning with a letter or digit: fit for paths, labels and addresses.
bool is_model_name(std::string_view name);
bool is_model_version(std::string_view version); // 1-32 characters of the same

} // namespace millrace::values
