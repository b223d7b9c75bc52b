// What an entry of a zip archive holds. libtorch is built without zip's checksums and takes what it finds, so they are
// compared here. Pure; unprocessable with the entry's name when it cannot be unpacked to the size that it claims, or
// when its checksum is another.
#pragma once
#include "base/result.hpp"
#include "inference/archive/zip_archive.hpp"

#include <string>

namespace millrace::inference {

Result<std::string> unpack(const ZipEntry& entry); // the caller has looked at entry.unpacked, which is allocated

Result<void> check_content(const ZipEntry& entry); // the same, keeping nothing

} // namespace millrace::inference
