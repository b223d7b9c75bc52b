#include "inference/worker/image.hpp"

#include <webp/decode.h>

namespace millrace::inference::worker {

bool is_webp(std::string_view bytes) {
    return bytes.size() >= 12 && bytes.starts_with("RIFF") && bytes.substr(8, 4) == "WEBP";
}

Image decode_webp(std::string_view bytes) {
    if (!is_webp(bytes)) throw InputError{"not a WebP: it does not begin as one"};
    if (bytes.size() > max_image_bytes) throw InputError{"the image is larger than 20 MiB"};
    const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
    WebPBitstreamFeatures features{};
    if (WebPGetFeatures(data, bytes.size(), &features) != VP8_STATUS_OK)
        throw InputError{"the WebP cannot be decoded: its header is broken"};
    if (features.has_animation) throw InputError{"the WebP is an animation; send one picture"};
    const auto side = static_cast<int>(max_image_side);
    if (features.width < 1 || features.height < 1 || features.width > side || features.height > side)
        throw InputError{"the WebP has a side of more than 8192 pixels"};
    Image image = blank(features.width, features.height, 3);
    if (!WebPDecodeRGBInto(data, bytes.size(), image.pixels.data(), image.pixels.size(),
                           static_cast<int>(image.stride())))
        throw InputError{"the WebP cannot be decoded: broken or truncated data"};
    return image;
}

} // namespace millrace::inference::worker
