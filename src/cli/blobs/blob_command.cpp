#include "base/json_text.hpp"
#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/download.hpp"
#include "cli/text.hpp"

#include "base/encoding.hpp"

#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>
#include <unistd.h>

namespace millrace::cli {
namespace {

struct GetOptions {
    std::string sha256, output;
};

int put(Context& context, const std::vector<std::string>& files) {
    const Client client{context};
    for (const auto& file : files) {
        Body body;
        body.add_file(file);
        Progress progress{context.err, context.progress, "uploading"};
        const auto total = static_cast<double>(body.size());
        const auto reply = client.call(
            {.method = "PUT",
             .target = "/api/v1/blobs",
             .content_type = "application/octet-stream",
             .body = &body,
             .sent = [&](std::uint64_t sent) { progress.show(static_cast<double>(sent) / total, size_text(sent)); },
             .patience = 60}); // the file is on disk before the answer
        progress.clear();
        if (context.json) print_raw(context, reply.body);
        else context.out << member(reply.json(), "sha256") << "  " << printable(file) << '\n'; // as sha256sum prints it
    }
    return done;
}

int get(Context& context, const GetOptions& options) {
    if (!is_sha256_hex(options.sha256)) throw Failure{usage, "a blob is named by 64 lower-case hex digits"};
    const bool to_output = options.output.empty() || options.output == "-";
    if (options.output.empty() && context.width != 0)
        throw Failure{
            usage,
            "this would write the bytes to the terminal: name a file with --output FILE, or --output - if you mean it"};
    download(context, Client{context}, options.sha256, to_output ? "-" : options.output);
    return done;
}

int remove(Context& context, const std::vector<std::string>& digests) {
    for (const auto& sha256 : digests)
        if (!is_sha256_hex(sha256)) throw Failure{usage, "a blob is named by 64 lower-case hex digits"};
    const Client client{context};
    for (const auto& sha256 : digests) {
        client.call({.method = "DELETE", .target = "/api/v1/blobs/" + sha256});
        if (context.json) print_raw(context, json_text(json::object{{"sha256", sha256}, {"deleted", true}}));
        else context.out << "deleted " << sha256 << '\n';
    }
    return done;
}

} // namespace

void add_blob(CLI::App& app, Context& context) {
    auto* group = app.add_subcommand("blob", "Store files by their digest, fetch and delete them");
    group->require_subcommand(1, 1);

    auto files = std::make_shared<std::vector<std::string>>(); // shared with the callback, which the app copies
    auto* put_command = group->add_subcommand("put", "Store files; prints the digest each is kept under");
    put_command->add_option("file", *files, "Files; - is standard input")->required()->type_name("");
    put_command->footer("Examples:\n"
                        "  millrace blob put image.png\n"
                        "  tar c folder | millrace blob put -");
    put_command->callback([&context, files] { context.action = [&context, files] { return put(context, *files); }; });

    auto options = std::make_shared<GetOptions>();
    auto* get_command = group->add_subcommand("get", "Fetch a blob");
    get_command->add_option("sha256", options->sha256, "Its digest")->required()->type_name("");
    get_command->add_option("-o,--output", options->output, "Write here; standard output unless given")
        ->type_name("FILE");
    get_command->footer(
        "Examples:\n"
        "  millrace blob get 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 -o file.bin");
    auto digests = std::make_shared<std::vector<std::string>>(); // shared with the callback, as above
    auto* delete_command =
        group->add_subcommand("delete", "Delete blobs; refused while a job that has not ended or a schedule needs one");
    delete_command->add_option("sha256", *digests, "Their digests")->required()->type_name("");
    delete_command->footer("Examples:\n"
                           "  millrace blob delete 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
    delete_command->callback(
        [&context, digests] { context.action = [&context, digests] { return remove(context, *digests); }; });

    get_command->callback(
        [&context, options] { context.action = [&context, options] { return get(context, *options); }; });
}

} // namespace millrace::cli
