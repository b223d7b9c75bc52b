#include "cli/commands.hpp"
#include "cli/models/file_digest.hpp"
#include "cli/models/model_files.hpp"
#include "cli/models/model_path.hpp"
#include "cli/text.hpp"

#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>

namespace millrace::cli {
namespace {

namespace fs = std::filesystem;

struct PushOptions {
    std::string name, model, manifest, signature;
    std::vector<std::string> files;
};

bool is_there(const fs::path& path) {
    std::error_code ignored;
    return fs::exists(path, ignored);
}

// A folder stands for the model.pt (or model.pt2) and manifest.json in it; a model alone for NAME.manifest.json or
// manifest.json beside it, and for MODEL.sig where there is one.
void complete(PushOptions& options) {
    std::error_code ignored;
    if (!options.model.empty() && !is_there(options.model))
        throw Failure{failed, fmt::format("there is no model file {}", options.model)};
    if (options.model.empty()) { // of a chain
        if (options.manifest.empty())
            throw Failure{usage, "name the model file, or with --manifest the manifest of a chain"};
        if (options.signature.empty() && is_there(options.manifest + ".sig"))
            options.signature = options.manifest + ".sig";
        return;
    }
    if (const fs::path folder{options.model}; fs::is_directory(folder, ignored))
        options.model = (is_there(folder / "model.pt2") && !is_there(folder / "model.pt") ? folder / "model.pt2"
                                                                                          : folder / "model.pt")
                            .string();
    if (options.signature.empty() && is_there(options.model + ".sig")) options.signature = options.model + ".sig";
    if (!options.manifest.empty()) return;
    const fs::path model{options.model};
    for (const auto& name : {model.stem().string() + ".manifest.json", std::string{"manifest.json"}}) {
        options.manifest = (model.parent_path() / name).string();
        if (is_there(options.manifest)) return;
    }
    throw Failure{usage, fmt::format("there is no {}: name the manifest after the model", options.manifest)};
}

int push(Context& context, PushOptions options) {
    complete(options);
    Form form;
    form.file("manifest", options.manifest,
              "application/json"); // first, so that a bad one is refused before the upload
    if (!options.signature.empty()) form.file("signature", options.signature, "text/plain");
    for (const auto& file : model_files(options.manifest, options.files))
        form.file("file", file, "application/octet-stream");
    std::error_code ignored;
    const bool chain = options.model.empty();
    if (!chain && fs::is_regular_file(options.model, ignored))
        form.text("sha256", "text/plain", file_digest(options.model)); // a pipe is read once
    if (!chain) form.file("model", options.model, "application/octet-stream");
    const auto content_type = form.content_type();
    auto body = form.finish();
    const Client client{context};
    Progress progress{context.err, context.progress, "pushing " + options.name};
    const auto total = body.size();
    const auto sent = [&](std::uint64_t bytes) {
        if (bytes < total)
            return progress.show(static_cast<double>(bytes) / static_cast<double>(total), size_text(bytes));
        progress.clear(); // drawn at once, for it stays
        progress.show(-1, chain ? "sent; checking it: its steps are loaded"
                                : "sent; checking it: it is loaded and run once");
    };
    const auto reply = client.call({.method = "POST",
                                    .target = model_path(options.name, "/versions"),
                                    .content_type = content_type,
                                    .body = &body,
                                    .sent = sent,
                                    .patience = 300}); // it is loaded for trial before the answer
    progress.clear();
    if (context.json) {
        print_raw(context, reply.body);
        return done;
    }
    const auto version = reply.json();
    context.out << options.name << '/' << member(version, "version") << "  " << member(version, "state");
    if (const auto* signer = find(version, {"signed_by"}); signer && signer->is_string())
        context.out << "  signed by " << member(version, "signed_by");
    context.out << (reply.status == 200 ? "  (it was here already)" : "") << '\n';
    return done;
}

} // namespace

void add_model_push(CLI::App& group, Context& context) {
    auto options = std::make_shared<PushOptions>(); // shared with the callback, which the app copies
    auto* command = group.add_subcommand("push", "Register a version of a model");
    command->add_option("name", options->name, "Name of the model")->required()->type_name("");
    command
        ->add_option("model", options->model,
                     "TorchScript file, or a folder with model.pt and manifest.json; none for a chain")
        ->type_name("");
    command
        ->add_option("manifest,--manifest", options->manifest,
                     "Its manifest; else MODEL.manifest.json or manifest.json beside the model. Without a model file: "
                     "of a chain")
        ->type_name("");
    command->add_option("--file", options->files, "A file that the manifest names; those beside the manifest are found")
        ->type_name("FILE");
    command
        ->add_option("--signature", options->signature,
                     "Its signature; else MODEL.sig beside the model, where there is one")
        ->type_name("FILE");
    command->footer("The model is loaded for trial before it is accepted. The first version serves at once. A chain is "
                    "a manifest alone, which\n"
                    "names versions of other models as its steps.\n"
                    "Examples:\n"
                    "  millrace model push digits model.pt manifest.json\n"
                    "  millrace model push moods model.pt manifest.json --file vocab.txt --file labels.txt\n"
                    "  millrace model push digits ./digits\n"
                    "  millrace model push ships --manifest chain.json");
    command->callback(
        [&context, options] { context.action = [&context, options] { return push(context, *options); }; });
}

} // namespace millrace::cli
