// Blobs and other content into files.
#pragma once
#include "cli/client.hpp"

#include <string>

namespace millrace::cli {

// Writes the blob to `output` ("-": standard output), with the progress on standard error. A file appears only whole
// and with the digest it is named by; Failure otherwise.
void download(Context& context, const Client& client, const std::string& sha256, const std::string& output);
// The same for what is elsewhere in the API and has this digest.
void download_from(Context& context, const Client& client, const std::string& target, const std::string& sha256,
                   const std::string& output);

// A text as a file, whole or not at all. `secret`: for its owner alone.
void write_file(const std::string& path, std::string_view text, bool secret = false);

} // namespace millrace::cli
