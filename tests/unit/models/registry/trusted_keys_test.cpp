#include "models/trusted_keys.hpp"

#include "base/encoding.hpp"
#include "values/model_signature.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>

using namespace millrace;
using namespace millrace::models;

namespace {

namespace fs = std::filesystem;

struct Folder {
    Folder() {
        std::string pattern = (fs::temp_directory_path() / "millrace-keys-XXXXXX").string();
        path = ::mkdtemp(pattern.data());
    }
    ~Folder() { fs::remove_all(path); }
    fs::path put(const std::string& name, const std::string& text) const {
        std::ofstream{path / name} << text;
        return path / name;
    }
    fs::path path;
};

const std::string model_digest(64, 'a'), manifest_digest(64, 'b'), other_digest(64, 'c');

std::string signature_of(const SigningKey& key) {
    return base64(key.sign(values::signed_text(model_digest, manifest_digest)));
}

std::string refusal(const TrustedKeys& keys, std::optional<std::string> signature,
                    const std::string& model = model_digest, const std::string& manifest = manifest_digest) {
    const auto signer = keys.signer(signature, model, manifest);
    if (signer) return "accepted";
    CHECK(signer.error().code == Code::unprocessable);
    return signer.error().detail;
}

} // namespace

TEST_CASE("what is signed is a text of three lines") {
    CHECK(values::signed_text("aa", "bb") == "millrace-model-1\naa\nbb\n");
}

TEST_CASE("a model signed by a trusted key is its signer's") {
    const Folder folder;
    const auto mine = SigningKey::make(), theirs = SigningKey::make();
    folder.put("mine.pem", mine.verifying().pem());
    folder.put("theirs.pem", theirs.verifying().pem());
    folder.put("README", "not a key");
    const auto keys = TrustedKeys::read(folder.path, true);
    REQUIRE(keys.has_value());
    CHECK(*keys->signer(signature_of(mine), model_digest, manifest_digest) == mine.verifying().id());
    CHECK(*keys->signer(signature_of(theirs), model_digest, manifest_digest) == theirs.verifying().id());
}

TEST_CASE("a signature by another key, of another file or another manifest is refused") {
    const Folder folder;
    const auto mine = SigningKey::make();
    for (const bool required : {false, true}) {
        const auto keys = TrustedKeys::read(folder.put("mine.pem", mine.verifying().pem()), required);
        REQUIRE(keys.has_value());
        CHECK(refusal(*keys, signature_of(mine)) == "accepted");
        CHECK(refusal(*keys, signature_of(SigningKey::make())).find("not that of a trusted key") != std::string::npos);
        CHECK(refusal(*keys, signature_of(mine), other_digest).find("not that of a trusted key") != std::string::npos);
        CHECK(refusal(*keys, signature_of(mine), model_digest, other_digest).find("not that of a trusted key") !=
              std::string::npos);
        CHECK(refusal(*keys, signature_of(mine), manifest_digest, model_digest).find("not that of a trusted key") !=
              std::string::npos);
        CHECK(refusal(*keys, "").find("64 bytes") != std::string::npos);
        CHECK(refusal(*keys, "nonsense").find("64 bytes") != std::string::npos);
    }
}

TEST_CASE("only where signatures are required is an unsigned model refused") {
    const Folder folder;
    const auto place = folder.put("mine.pem", SigningKey::make().verifying().pem());
    CHECK(refusal(*TrustedKeys::read(place, true), std::nullopt).find("models.require_signature") != std::string::npos);
    CHECK(refusal(*TrustedKeys::read(place, false), std::nullopt) == "accepted");
    CHECK(refusal(TrustedKeys{}, std::nullopt) == "accepted");
}

TEST_CASE("where nobody is trusted a signature has no signer") {
    const auto signer = TrustedKeys{}.signer(signature_of(SigningKey::make()), model_digest, manifest_digest);
    REQUIRE(signer.has_value());
    CHECK_FALSE(signer->has_value());
}

TEST_CASE("keys that cannot be read stop the start, with their name") {
    const Folder folder;
    const auto said = [](const Result<TrustedKeys>& keys) { return keys ? "accepted" : keys.error().detail; };
    CHECK(said(TrustedKeys::read(folder.path, true)).find("names no public key") != std::string::npos);
    CHECK(said(TrustedKeys::read({}, true)).find("names no public key") != std::string::npos);
    CHECK(said(TrustedKeys::read(folder.path, false)) == "accepted");
    CHECK(said(TrustedKeys::read(folder.path / "absent", false)).find("absent") != std::string::npos);
    folder.put("bad.pem", "-----BEGIN PUBLIC KEY-----");
    CHECK(said(TrustedKeys::read(folder.path, false)).find("bad.pem") != std::string::npos);
    folder.put("bad.pem", SigningKey::make().pem()); // a secret among what is public
    CHECK(said(TrustedKeys::read(folder.path, false)).find("bad.pem") != std::string::npos);
}
