#include "inference/worker/image/image.hpp"

#include <webp/decode.h>
#include <webp/demux.h>

#include <memory>

namespace millrace::inference::worker {
namespace {

InputError broken() { return InputError{"the WebP cannot be decoded: broken or truncated data"}; }

struct Delete {
    void operator()(WebPAnimDecoder* decoder) const { WebPAnimDecoderDelete(decoder); }
};

// The decoder of animations holds two canvases of four bytes a pixel besides ours, whatever the size of the file.
constexpr std::int64_t most_animated_pixels = std::int64_t{1} << 24;

// The first frame of an animation, on its canvas.
Image first_frame(std::string_view bytes, Image canvas) {
    const WebPData data{reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
    WebPAnimDecoderOptions options;
    if (!WebPAnimDecoderOptionsInit(&options)) throw std::bad_alloc{};
    options.color_mode = MODE_RGBA;
    const std::unique_ptr<WebPAnimDecoder, Delete> decoder{WebPAnimDecoderNew(&data, &options)};
    WebPAnimInfo info;
    std::uint8_t* frame = nullptr;
    int time = 0;
    if (!decoder || !WebPAnimDecoderGetInfo(decoder.get(), &info) ||
        !WebPAnimDecoderGetNext(decoder.get(), &frame, &time))
        throw broken();
    if (info.canvas_width != static_cast<std::uint32_t>(canvas.width) ||
        info.canvas_height != static_cast<std::uint32_t>(canvas.height))
        throw broken();
    const auto channels = static_cast<std::size_t>(canvas.channels);
    for (auto* to = canvas.pixels.data(); to != canvas.pixels.data() + canvas.pixels.size(); to += channels, frame += 4)
        std::copy_n(frame, channels, to);
    return canvas;
}

} // namespace

bool is_webp(std::string_view bytes) {
    return bytes.size() >= 12 && bytes.starts_with("RIFF") && bytes.substr(8, 4) == "WEBP";
}

Image decode_webp(std::string_view bytes, Alpha alpha) {
    if (!is_webp(bytes)) throw InputError{"not a WebP: it does not begin as one"};
    if (bytes.size() > max_image_bytes) throw InputError{"the image is larger than 20 MiB"};
    const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
    WebPBitstreamFeatures features{};
    if (WebPGetFeatures(data, bytes.size(), &features) != VP8_STATUS_OK)
        throw InputError{"the WebP cannot be decoded: its header is broken"};
    const auto side = static_cast<int>(max_image_side);
    if (features.width < 1 || features.height < 1 || features.width > side || features.height > side)
        throw InputError{"the WebP has a side of more than 8192 pixels"};
    if (features.has_animation && std::int64_t{features.width} * features.height > most_animated_pixels)
        throw InputError{"the WebP is an animation of more than 16 million pixels; send one picture"};
    const bool keep = alpha == Alpha::keep && features.has_alpha;
    Image image = blank(features.width, features.height, keep ? 4 : 3);
    if (features.has_animation) return first_frame(bytes, std::move(image));
    const auto decode = keep ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
    if (!decode(data, bytes.size(), image.pixels.data(), image.pixels.size(), static_cast<int>(image.stride())))
        throw broken();
    return image;
}

} // namespace millrace::inference::worker
