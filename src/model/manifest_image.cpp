// The rule of an input of kind image.
#include "model/manifest_reader.hpp"

#include <algorithm>
#include <cmath>

namespace millrace::model {
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
    if (height < 1 || width < 1 || height > longest_side || width > longest_side)
        return part.refuse("an image of color {} needs the shape [{}] with sides of 1 to {}", name(rule.color), layout,
                           longest_side);
    rule.channels = static_cast<int>(channels);
    rule.height = static_cast<int>(height);
    rule.width = static_cast<int>(width);
}

void read_resize(Part& part, ImageRule& rule) {
    const auto crop = part.integers("crop", 1, longest_side, 2);
    if (part.has("crop") && crop != std::vector<std::int64_t>{rule.height, rule.width})
        return part.refuse("\"crop\" must be [height,width] as in \"shape\"");
    rule.resize_height = rule.height;
    rule.resize_width = rule.width;
    const auto* resize = part.value("resize");
    if (!resize) {
        if (!crop.empty()) part.refuse("\"crop\" needs a \"resize\", which comes before it");
        return;
    }
    if (resize->is_object()) {
        auto object = part.part("resize");
        object->only({"shorter"});
        rule.resize_shorter = static_cast<int>(object->integer("shorter", 1, longest_side).value_or(0));
        rule.resize_height = rule.resize_width = 0;
        if (rule.resize_shorter == 0) return object->refuse("\"shorter\" is missing");
        if (crop.empty()) return object->refuse("\"shorter\" needs a \"crop\": the other side depends on the picture");
        if (rule.resize_shorter < std::max(rule.height, rule.width))
            object->refuse("\"shorter\" must not be less than the sides of \"crop\"");
        return;
    }
    const auto sides = part.integers("resize", 1, longest_side, 2);
    if (sides.size() != 2) return part.refuse("\"resize\" must be [height,width] or {{\"shorter\":pixels}}");
    if (crop.empty() && (sides[0] != rule.height || sides[1] != rule.width))
        return part.refuse("\"resize\" must be [height,width] as in \"shape\", or followed by a \"crop\" to that");
    if (sides[0] < rule.height || sides[1] < rule.width)
        return part.refuse("\"resize\" must not be less than \"crop\"");
    rule.resize_height = static_cast<int>(sides[0]);
    rule.resize_width = static_cast<int>(sides[1]);
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
    rule.orientation = part.choice_or("orientation", orientation_names(), Orientation::as_shown);
    if (tensor.datatype != Datatype::fp32 && tensor.datatype != Datatype::uint8)
        part.refuse("an image is given to the model as FP32 or UINT8");
    if (tensor.datatype == Datatype::uint8 && rule.color == ImageColor::bands)
        part.refuse("bands are given to the model as FP32");
    if (part.ok()) read_sides(part, tensor, rule);
    if (part.ok()) read_resize(part, rule);
    if (part.ok()) read_normalization(part, tensor, rule);
    return rule;
}

} // namespace millrace::model
