// libtiff's table of codecs calls these by name. Defined here, they take the place of its own in the link: of what a
// stranger's TIFF may ask for, what photographs, scans and scenes are compressed by is in the program; the others are
// not, nor their libraries (nor the code of JBIG-KIT, whose licence the program does not have).
#include "inference/worker/image/image_tiff_codecs.hpp"

#include <tiffio.h>

namespace millrace::inference::worker {

const char* const tiff_compressions = "none, LZW, deflate, PackBits, ZSTD, JPEG and CCITT fax";

} // namespace millrace::inference::worker

namespace {

// Ends the reading of the directory.
int refuse(TIFF* tiff, int method) {
    TIFFErrorExtR(tiff, "", "it is compressed by method %d; %s are read", method,
                  millrace::inference::worker::tiff_compressions);
    return 0;
}

} // namespace

extern "C" {
int TIFFInitThunderScan(TIFF* tiff, int method) { return refuse(tiff, method); }
int TIFFInitNeXT(TIFF* tiff, int method) { return refuse(tiff, method); }
int TIFFInitOJPEG(TIFF* tiff, int method) { return refuse(tiff, method); }
int TIFFInitJBIG(TIFF* tiff, int method) { return refuse(tiff, method); }
int TIFFInitPixarLog(TIFF* tiff, int method) { return refuse(tiff, method); }
int TIFFInitSGILog(TIFF* tiff, int method) { return refuse(tiff, method); }
int TIFFInitLZMA(TIFF* tiff, int method) { return refuse(tiff, method); }
int TIFFInitWebP(TIFF* tiff, int method) { return refuse(tiff, method); }
int TIFFInitLERC(TIFF* tiff, int method) { return refuse(tiff, method); }
}
