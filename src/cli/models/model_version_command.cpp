// Commands about one version of a model: export, delete, load, unload.
#include "cli/commands.hpp"
#include "cli/download.hpp"
#include "cli/models/model_path.hpp"
#include "cli/text.hpp"
#include "values/manifest_files.hpp"

#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>

namespace millrace::cli {
namespace {

namespace fs = std::filesystem;

struct ExportOptions {
    std::string name, folder;
};

// NAME alone stands for the version in production.
VersionName complete(const Client& client, const std::string& text) {
    auto name = version_name(text);
    if (!name.version) name.version = member(client.get(model_path(name.model)), "production");
    if (*name.version == "-")
        throw Failure{failed, fmt::format("{} has no version in production; name one: {}/1", name.model, name.model)};
    return name;
}

VersionName exact(const std::string& text) {
    auto name = version_name(text);
    if (!name.version)
        throw Failure{usage,
                      fmt::format("name the version, too: {}/1 (`millrace model show {}` lists them)", text, text)};
    return name;
}

int export_version(Context& context, const ExportOptions& options) {
    const Client client{context};
    const auto name = complete(client, options.name);
    const auto version = client.get(version_path(name.model, *name.version));
    const fs::path folder{options.folder};
    std::error_code failure;
    fs::create_directories(folder, failure);
    if (failure) throw Failure{failed, fmt::format("cannot make the folder {}: {}", options.folder, failure.message())};
    const bool chain = member(version, "format") == "chain";
    const auto model = folder / (chain                                        ? "manifest.json"
                                 : member(version, "format") == "aotinductor" ? "model.pt2"
                                                                              : "model.pt");
    const auto manifest = client.call({.target = version_path(name.model, *name.version, "/manifest")});
    if (!chain)
        download_from(context, client, version_path(name.model, *name.version, "/file"), member(version, "sha256"),
                      model.string());
    write_file((folder / "manifest.json").string(), manifest.body);
    if (const auto* files = find(version, {"files"}); files && files->is_array())
        for (const auto& file : files->get_array()) {
            const auto file_name = member(file, "name");
            if (!values::is_file_name(file_name))
                throw Failure{failed, fmt::format("the daemon names a file \"{}\", which is not taken", file_name)};
            download_from(context, client, version_path(name.model, *name.version, "/files/" + file_name),
                          member(file, "sha256"), (folder / file_name).string());
        }
    const auto signature = model.string() + ".sig";
    if (const auto* text = find(version, {"signature"}); text && text->is_string())
        write_file(signature, member(version, "signature") + "\n");
    else fs::remove(signature, failure); // of another export into this folder
    context.out << fmt::format("{}/{} is in {}; take it in elsewhere: millrace model push {} {}\n", name.model,
                               *name.version, options.folder, name.model,
                               chain ? "--manifest " + model.string() : options.folder);
    if (chain)
        context.out
            << "the models that it is made of are exported by themselves; they need the same version numbers there\n";
    return done;
}

int delete_version(Context& context, const std::string& text) {
    const auto name = exact(text);
    Client{context}.call({.method = "DELETE", .target = version_path(name.model, *name.version)});
    context.out << text << " deleted\n";
    return done;
}

int change(Context& context, const std::string& text, std::string_view verb) {
    const Client client{context};
    const auto name = complete(client, text);
    const auto reply =
        client.call({.method = "POST", .target = version_path(name.model, *name.version, verb), .patience = 300});
    if (context.json) {
        print_raw(context, reply.body);
        return done;
    }
    const auto version = reply.json();
    const auto bytes = number_at(version, {"loaded", "memory_bytes"});
    context.out << fmt::format("{}/{}  {}{}\n", name.model, *name.version, text_at(version, {"loaded", "state"}),
                               bytes > 0 ? "  " + size_text(static_cast<std::uint64_t>(bytes)) : std::string{});
    return done;
}

// A command that takes the name of a version and nothing else.
CLI::App* add_named(CLI::App& group, Context& context, const char* verb, const char* help, const char* what,
                    const std::function<int(Context&, const std::string&)>& action) {
    auto name = std::make_shared<std::string>(); // shared with the callback, which the app copies
    auto* command = group.add_subcommand(verb, help);
    command->add_option("name", *name, what)->required()->type_name("");
    command->callback(
        [&context, name, action] { context.action = [&context, name, action] { return action(context, *name); }; });
    return command;
}

void add_export(CLI::App& group, Context& context) {
    auto options = std::make_shared<ExportOptions>();
    auto* command = group.add_subcommand("export", "Write a version into a folder: model.pt, manifest.json, the files "
                                                   "that it names, and model.pt.sig if it is signed");
    command->add_option("name", options->name, "NAME, for the version in production, or NAME/VERSION")
        ->required()
        ->type_name("");
    command->add_option("folder", options->folder, "Made where it is not there")->required()->type_name("");
    command->footer(
        "The files are those that were pushed, byte for byte; `millrace model push NAME FOLDER` takes them in again.\n"
        "Examples:\n"
        "  millrace model export digits/2 ./digits-2");
    command->callback(
        [&context, options] { context.action = [&context, options] { return export_version(context, *options); }; });
}

} // namespace

void add_model_version(CLI::App& group, Context& context) {
    constexpr auto either = "NAME, for the version in production, or NAME/VERSION";
    add_export(group, context);
    add_named(group, context, "delete", "Delete a version and its file", "NAME/VERSION", delete_version)
        ->footer("A version that is in use is not deleted: see `millrace model traffic NAME`. Numbers are never given "
                 "again.\n"
                 "Examples:\n  millrace model delete digits/1");
    add_named(group, context, "load", "Load and warm a version where it serves", either,
              [](Context& c, const std::string& name) { return change(c, name, "/load"); })
        ->footer("A prediction does the same first when it finds its model not loaded.\nExamples:\n  millrace model "
                 "load digits/2");
    add_named(group, context, "unload", "Give the memory of a version back", either,
              [](Context& c, const std::string& name) { return change(c, name, "/unload"); })
        ->footer("What waits for it is run first; a later prediction loads it again.\nExamples:\n  millrace model "
                 "unload digits/1");
}

} // namespace millrace::cli
