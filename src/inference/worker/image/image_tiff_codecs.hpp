// Which compressions of TIFF there are in this program.
#pragma once

namespace millrace::inference::worker {

extern const char* const tiff_compressions; // "none, LZW, …", for messages

} // namespace millrace::inference::worker
