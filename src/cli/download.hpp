// Blobs into files.
#pragma once
#include "cli/client.hpp"

#include <string>

namespace millrace::cli {

// Writes the blob to `output` ("-": standard output), with the progress on standard error. A file appears only whole
// and with the digest it is named by; Failure otherwise.
void download(Context& context, const Client& client, const std::string& sha256, const std::string& output);

} // namespace millrace::cli
