// The rule of an input of kind image.
#include "values/manifest_reader.hpp"

#include <algorithm>
#include <cmath>

namespace millrace::values {
namespace {

constexpr std::int64_t longest_side = 4096, most_bands = 512;

// Channels, height and width from the tensor's shape.
void read_sides(Part& part, const TensorSpec& tensor, ImageRule& rule) {
    const bool hwc = rule.layout == ImageLayout::hwc;
    const auto& shape = tensor.shape;
    const auto* layout = hwc ? "height,width,channels" : "channels,height,width";
    if (shape.size() != 3) return part.refuse("an image needs the shape [{}]", layout);
    const auto channels = hwc ? shape[2] : shape[0], height = hwc ? shape[0] : shape[1],
               width = hwc ? shape[1] : shape[2];
    const auto wanted = rule.color == ImageColor::gray ? 1 : 3;
    if (rule.color != ImageColor::bands && channels != wanted)
        return part.refuse("an image of color {} has {} channel{} in its shape [{}]", name(rule.color), wanted,
                           wanted == 1 ? "" : "s", layout);
    if (channels < 1 || channels > most_bands)
        return part.refuse("an image of color bands has 1 to {} channels in its shape [{}]", most_bands, layout);
    const bool open = height == -1 && width == -1;
    if (!open && (height < 1 || width < 1 || height > longest_side || width > longest_side))
        return part.refuse("an image of color {} needs the shape [{}] with sides of 1 to {}, or both -1 for any",
                           name(rule.color), layout, longest_side);
    rule.channels = static_cast<int>(channels);
    rule.height = open ? 0 : static_cast<int>(height);
    rule.width = open ? 0 : static_cast<int>(width);
}

// {"letterbox":true}, {"longer":n} or {"shorter":n}.
void read_proportional(Part object, ImageRule& rule, bool cropped) {
    object.only({"shorter", "max_size", "longer", "letterbox", "enlarge", "centered"});
    rule.resize_height = rule.resize_width = 0;
    rule.resize_shorter = static_cast<int>(object.integer("shorter", 1, longest_side).value_or(0));
    rule.resize_longer = static_cast<int>(object.integer("longer", 1, longest_side).value_or(0));
    const bool letterbox = object.truth("letterbox").value_or(false);
    if ((rule.resize_shorter > 0) + (rule.resize_longer > 0) + letterbox != 1)
        return object.refuse("needs one of \"shorter\", \"longer\" and \"letterbox\": true");
    if (rule.resize_shorter == 0) object.none_of({"max_size"}, "\"shorter\"");
    if (!letterbox) object.none_of({"enlarge", "centered"}, "\"letterbox\"");
    if (letterbox) {
        rule.letterbox = Letterbox{object.truth("enlarge").value_or(true), object.truth("centered").value_or(true)};
        if (rule.open() || cropped) object.refuse("\"letterbox\" needs a shape of fixed sides, and no \"crop\"");
        return;
    }
    rule.resize_most = static_cast<int>(object.integer("max_size", rule.resize_shorter, longest_side).value_or(0));
    if (rule.open()) return;
    if (rule.resize_longer > 0)
        return object.refuse("\"longer\" needs a shape with open sides (-1), or use \"letterbox\"");
    if (!cropped)
        return object.refuse(
            "\"shorter\" needs a \"crop\" or a shape with open sides (-1): the other side depends on the picture");
    if (rule.resize_most > 0) return object.refuse("\"max_size\" needs a shape with open sides (-1)");
    if (rule.resize_shorter < std::max(rule.height, rule.width))
        object.refuse("\"shorter\" must not be less than the sides of \"crop\"");
}

void read_resize(Part& part, ImageRule& rule) {
    const auto crop = part.integers("crop", 1, longest_side, 2);
    if (part.has("crop") && (rule.open() || crop != std::vector<std::int64_t>{rule.height, rule.width}))
        return part.refuse("\"crop\" must be [height,width] as in \"shape\"");
    rule.resize_height = rule.height;
    rule.resize_width = rule.width;
    const auto* resize = part.value("resize");
    if (!resize) {
        if (!crop.empty()) part.refuse("\"crop\" needs a \"resize\", which comes before it");
        return;
    }
    if (resize->is_object()) return read_proportional(*part.part("resize"), rule, !crop.empty());
    const auto sides = part.integers("resize", 1, longest_side, 2);
    if (sides.size() != 2)
        return part.refuse("\"resize\" must be [height,width], {{\"shorter\":pixels}}, {{\"longer\":pixels}} or "
                           "{{\"letterbox\":true}}");
    if (rule.open()) return part.refuse("\"resize\" [height,width] belongs to a shape of those sides");
    if (crop.empty() && (sides[0] != rule.height || sides[1] != rule.width))
        return part.refuse("\"resize\" must be [height,width] as in \"shape\", or followed by a \"crop\" to that");
    if (sides[0] < rule.height || sides[1] < rule.width)
        return part.refuse("\"resize\" must not be less than \"crop\"");
    rule.resize_height = static_cast<int>(sides[0]);
    rule.resize_width = static_cast<int>(sides[1]);
}

void read_interpolation(Part& part, ImageRule& rule) {
    rule.interpolation = part.choice_or("interpolation", interpolation_names(), Interpolation::bilinear);
    rule.antialias = part.truth("antialias").value_or(true);
    const auto used = rule.interpolation;
    if (!rule.antialias && used != Interpolation::nearest && used != Interpolation::bilinear &&
        used != Interpolation::bicubic)
        part.refuse("\"antialias\": false goes with nearest, bilinear and bicubic");
}

// What an open shape takes, and what lies beside the picture.
void read_bounds(Part& part, ImageRule& rule) {
    constexpr std::uint32_t letterbox_gray = 0x727272; // 114, as the YOLO family is trained
    if (!rule.open()) part.none_of({"sides", "multiple_of"}, "a shape with open sides (-1)");
    const auto sides = part.integers("sides", 1, longest_side, 2);
    if (part.has("sides") && (sides.size() != 2 || sides[0] > sides[1]))
        return part.refuse("\"sides\" must be [least,most]");
    rule.least_side = sides.size() == 2 ? static_cast<int>(sides[0]) : 1;
    rule.most_side = sides.size() == 2 ? static_cast<int>(sides[1]) : static_cast<int>(longest_side);
    rule.multiple_of = static_cast<int>(part.integer("multiple_of", 1, 256).value_or(1));
    const auto fill = part.color("fill");
    if (fill && !rule.letterbox && rule.multiple_of == 1)
        part.refuse("\"fill\" belongs to \"letterbox\" and \"multiple_of\"");
    if (fill && rule.color == ImageColor::bands) part.refuse("\"fill\" is a colour; beside bands there are zeros");
    rule.fill = rule.color == ImageColor::bands ? 0 : fill.value_or(rule.letterbox ? letterbox_gray : 0);
}

void read_normalization(Part& part, const TensorSpec& tensor, ImageRule& rule) {
    const auto channels = static_cast<std::size_t>(rule.channels);
    rule.mean.assign(channels, 0.0);
    rule.deviation.assign(channels, 1.0);
    if (tensor.datatype == Datatype::uint8)
        return part.none_of({"scale", "mean", "std"}, "datatype FP32: as UINT8 a model gets the pixels as they are");
    rule.scale = part.number("scale", -1e6, 1e6).value_or(rule.color == ImageColor::bands ? 1.0 : 1.0 / 255);
    if (auto mean = part.numbers("mean"); !mean.empty()) rule.mean = std::move(mean);
    if (auto deviation = part.numbers("std"); !deviation.empty()) rule.deviation = std::move(deviation);
    if (rule.mean.size() != channels || rule.deviation.size() != channels)
        return part.refuse("\"mean\" and \"std\" need {} values, one a channel", channels);
    if (std::any_of(rule.deviation.begin(), rule.deviation.end(), [](double d) { return std::abs(d) < 1e-12; }))
        part.refuse("\"std\" must not be zero");
}

} // namespace

ImageRule read_image(Part& part, const TensorSpec& tensor) {
    ImageRule rule;
    rule.color = part.choice<ImageColor>("color", color_names()).value_or(ImageColor::rgb);
    rule.layout = part.choice_or("layout", layout_names(), ImageLayout::chw);
    rule.background = part.color("background");
    if (rule.background && rule.color == ImageColor::bands) part.refuse("\"background\" belongs to color gray and rgb");
    rule.orientation = part.choice_or("orientation", orientation_names(), Orientation::as_shown);
    const bool pixels = tensor.datatype == Datatype::uint8;
    if (!pixels && tensor.datatype != Datatype::fp32 && tensor.datatype != Datatype::fp16 &&
        tensor.datatype != Datatype::bf16)
        part.refuse("an image is given to the model as FP32, FP16, BF16 or UINT8");
    if (pixels && rule.color == ImageColor::bands) part.refuse("bands are given to the model as FP32, FP16 or BF16");
    if (part.ok()) read_sides(part, tensor, rule);
    if (part.ok()) read_resize(part, rule);
    if (part.ok()) read_interpolation(part, rule);
    if (part.ok()) read_bounds(part, rule);
    if (part.ok()) read_normalization(part, tensor, rule);
    return rule;
}

} // namespace millrace::values
