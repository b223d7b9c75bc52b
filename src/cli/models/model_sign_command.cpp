// Commands of a model's author, which need no daemon: keygen, sign.
#include "base/crypto.hpp"
#include "base/ed25519.hpp"
#include "base/encoding.hpp"
#include "base/json_text.hpp"
#include "cli/commands.hpp"
#include "cli/download.hpp"
#include "cli/models/file_digest.hpp"
#include "cli/models/model_files.hpp"
#include "values/model_signature.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <ostream>

namespace millrace::cli {
namespace {

struct SignOptions {
    std::string model, manifest, key, output;
    std::vector<std::string> files;
};

std::string contents(const std::string& path) {
    std::ifstream in{path, std::ios::binary};
    if (!in) throw Failure{failed, fmt::format("cannot read {}: {}", path, std::strerror(errno))};
    return {std::istreambuf_iterator<char>{in}, {}};
}

int keygen(Context& context, const std::string& name) {
    const auto secret = name + ".key.pem", open = name + ".pub.pem";
    for (const auto& path : {secret, open})
        if (std::filesystem::exists(path))
            throw Failure{failed, fmt::format("{} is there already; a key is never overwritten", path)};
    const auto key = SigningKey::make();
    write_file(secret, key.pem(), true);
    write_file(open, key.verifying().pem());
    if (context.json) {
        print_raw(context,
                  json_text(json::object{{"id", key.verifying().id()}, {"private_key", secret}, {"public_key", open}}));
        return done;
    }
    context.out << fmt::format("key {}\n  {}  signs; keep it secret\n  {}  is for the daemons that are to trust it: a "
                               "file of their models.trusted_keys\n",
                               key.verifying().id(), secret, open);
    return done;
}

int sign(Context& context, const SignOptions& options) {
    const auto key = SigningKey::from_pem(contents(options.key));
    if (!key) throw Failure{failed, fmt::format("{}: {}", options.key, key.error().detail)};
    if (options.manifest.empty())
        throw Failure{usage, "name the manifest after the model, or with --manifest that of a chain"};
    const auto& first = options.model.empty() ? options.manifest : options.model; // a chain has no model file
    const auto text =
        values::signed_text(options.model.empty() ? hex(sha256("")) : file_digest(options.model),
                            file_digest(options.manifest), digested(model_files(options.manifest, options.files)));
    const auto output = options.output.empty() ? first + ".sig" : options.output;
    const auto signature = base64(key->sign(text));
    if (output == "-") {
        context.out << signature << '\n';
        return done;
    }
    write_file(output, signature + "\n");
    if (context.json)
        print_raw(context, json_text(json::object{
                               {"signed_by", key->verifying().id()}, {"signature", signature}, {"file", output}}));
    else context.out << fmt::format("{} signed by {}: {}\n", first, key->verifying().id(), output);
    return done;
}

} // namespace

void add_model_signing(CLI::App& group, Context& context) {
    auto name = std::make_shared<std::string>(); // shared with the callback, which the app copies
    auto* make = group.add_subcommand("keygen", "Make a pair of keys to sign models with");
    make->add_option("name", *name, "Writes NAME.key.pem and NAME.pub.pem")->required()->type_name("");
    make->footer(
        "Keys of `openssl genpkey -algorithm ed25519` do as well.\nExamples:\n  millrace model keygen release");
    make->callback([&context, name] { context.action = [&context, name] { return keygen(context, *name); }; });

    auto options = std::make_shared<SignOptions>();
    auto* command = group.add_subcommand(
        "sign", "Sign a model, its manifest and the files that it names; `model push` sends the signature along");
    command->add_option("model", options->model, "The model file; none for a chain")->type_name("");
    command
        ->add_option("manifest,--manifest", options->manifest,
                     "Its manifest; signed as it is, byte for byte. Without a model file: of a chain")
        ->type_name("");
    command->add_option("--file", options->files, "A file that the manifest names; those beside the manifest are found")
        ->type_name("FILE");
    command->add_option("--key", options->key, "The private key, as PEM")->required()->type_name("FILE");
    command
        ->add_option("--output", options->output,
                     "Instead of MODEL.sig, or MANIFEST.sig for a chain; - for standard output")
        ->type_name("FILE");
    command->footer("Examples:\n"
                    "  millrace model sign digits.pt digits.manifest.json --key release.key.pem\n"
                    "  millrace model sign --manifest chain.json --key release.key.pem");
    command->callback(
        [&context, options] { context.action = [&context, options] { return sign(context, *options); }; });
}

} // namespace millrace::cli
