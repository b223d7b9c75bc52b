// Whose models are taken: the public keys that the configuration names, and whether a model must be signed by one of
// them. Immutable once read; thread-safe.
#pragma once
#include "base/ed25519.hpp"
#include "base/result.hpp"
#include "values/manifest_files.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace millrace::models {

class TrustedKeys {
public:
    TrustedKeys() = default; // nobody is trusted, and nothing need be signed

    // `place` is a folder of .pem files, one .pem file, or empty. invalid_argument, naming the file, when a key cannot
    // be read, and when a signature is required but there is no key to check it with.
    static Result<TrustedKeys> read(const std::filesystem::path& place, bool required);

    bool required() const { return required_; }

    // The id of the key that signed the version's files; nullopt for one that is not signed and need not be, and for a
    // signature that cannot be checked because nobody is trusted here. unprocessable with what to do for everything
    // else. `signature` is 64 bytes or their base64; the digests are of the files as they came.
    Result<std::optional<std::string>> signer(const std::optional<std::string>& signature,
                                              const std::string& model_sha256, const std::string& manifest_sha256,
                                              const values::FileRefs& files = {}) const;

private:
    std::vector<VerifyingKey> keys_;
    bool required_ = false;
};

} // namespace millrace::models
