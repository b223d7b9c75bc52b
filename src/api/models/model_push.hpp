// The form that brings a model version: parts "manifest" and, but for a chain, "model", and if its sender likes
// "signature" and "sha256"; a part "file" with a file name for each file that the manifest names.
#pragma once
#include "base/result.hpp"
#include "http/request.hpp"
#include "models/registry.hpp"

#include <optional>
#include <string>

namespace millrace::api {

struct Push {
    std::optional<blobs::BlobUpload> file; // none: of a chain
    std::optional<std::string> manifest;   // there, once it has been read
    models::Attached attached;
};

// The file's bytes go to the registry's store as they arrive. unprocessable for a part that is missing, unknown or
// there twice.
awaitable<Result<Push>> read_push(http::Request& request, models::Registry& registry);

} // namespace millrace::api
