// Which way up a picture is shown: the tag Orientation (274) of its EXIF block (JPEG: APP1; PNG: eXIf; WebP: EXIF) or
// of a TIFF's first directory, with the eight values of EXIF 2.32 and TIFF 6.0. Pure.
#pragma once
#include "inference/worker/image/image.hpp"

#include <string_view>

namespace millrace::inference::worker {

// 1 to 8; 1 (as stored) where the file does not say it or says it in a way that cannot be read, as viewers take it.
// Only the file's structure is looked at, so this never fails and costs no decoding.
int orientation(std::string_view bytes);

// The picture turned and mirrored as the orientation asks; 5 to 8 exchange its sides.
Image upright(Image image, int orientation);
Bands upright(Bands bands, int orientation);

} // namespace millrace::inference::worker
