// The files that came with a model and that its manifest names, verified by their digests. On the loading thread, while
// a model is loaded: what is made of them is kept, they are not.
#pragma once
#include "base/descriptor.hpp"
#include "base/result.hpp"
#include "inference/worker/loading/mapped_file.hpp"
#include "values/manifest.hpp"
#include "values/manifest_files.hpp"

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace millrace::inference::worker {

class SideFiles {
public:
    // One descriptor for each. unprocessable, naming the file, when one is not what was registered.
    static Result<SideFiles> open(const values::FileRefs& files, std::span<const Descriptor> descriptors);

    // Valid as long as this is. unprocessable when there is none of that name.
    Result<std::string_view> bytes(const std::string& name) const;

private:
    std::map<std::string, std::unique_ptr<MappedFile>> files_;
};

// Puts what the manifest leaves to its files in its place: vocabularies. Opens the tokenizers of its texts, whether
// their tokens are in files or not. unprocessable with the input's name and what is wrong.
Result<void> complete(values::Manifest& manifest, const SideFiles& files);

} // namespace millrace::inference::worker
