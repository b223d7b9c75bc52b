#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/flow_view.hpp"
#include "cli/option_values.hpp"
#include "cli/target.hpp"
#include "cli/text.hpp"

#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>

namespace millrace::cli {
namespace {

struct ListOptions {
    std::string cursor;
    int limit = 50;
};

int submit(Context& context, const std::string& file) {
    const auto document = json_value(file == "-" ? file : "@" + file, "the flow");
    const auto reply = Client{context}.post_json("/api/v1/flows", document);
    const auto flow = reply.json();
    if (context.json) print_raw(context, reply.body);
    else context.out << member(flow, "id") << "  " << member(flow, "state") << '\n';
    return done;
}

int list(Context& context, const ListOptions& options) {
    Target target{"/api/v1/flows"};
    target.with("limit", options.limit).with("cursor", options.cursor);
    const auto reply = Client{context}.call({.target = target.text()});
    if (context.json) print_raw(context, reply.body);
    else print_flows(context, reply.json());
    return done;
}

int print(Context& context, const Reply& reply) {
    if (context.json) print_raw(context, reply.body);
    else print_flow(context, reply.json());
    return done;
}

int show(Context& context, const std::string& id) { return print(context, Client{context}.call({.target = "/api/v1/flows/" + encoded(id)})); }

int cancel(Context& context, const std::string& id) {
    return print(context, Client{context}.call({.method = "POST", .target = "/api/v1/flows/" + encoded(id) + "/cancel"}));
}

template <class Perform>
CLI::App* add_with_word(CLI::App& group, Context& context, const char* name, const char* help, const char* word, const char* word_help, Perform perform) {
    auto value = std::make_shared<std::string>(); // shared with the callback, which the app copies
    auto* command = group.add_subcommand(name, help);
    command->add_option(word, *value, word_help)->required()->type_name("");
    command->callback([&context, value, perform] { context.action = [&context, value, perform] { return perform(context, *value); }; });
    return command;
}

} // namespace

void add_flow(CLI::App& app, Context& context) {
    auto* group = app.add_subcommand("flow", "Jobs that wait for each other, submitted as one document");
    group->require_subcommand(1, 1);
    add_with_word(*group, context, "submit", "Submit a flow, all of it or nothing", "file", "JSON file; - is standard input", submit)
        ->footer("Examples:\n"
                 "  millrace flow submit nightly.json\n"
                 "  echo '{\"chain\":[{\"kind\":\"echo\"},{\"kind\":\"echo\"}]}' | millrace flow submit -");
    auto options = std::make_shared<ListOptions>();
    auto* list_command = group->add_subcommand("list", "List flows, newest first");
    list_command->add_option("--limit", options->limit, "At most so many (50)")->check(CLI::Range(1, 1000))->type_name("N");
    list_command->add_option("--cursor", options->cursor, "Go on where an earlier list ended")->type_name("CURSOR");
    list_command->callback([&context, options] { context.action = [&context, options] { return list(context, *options); }; });
    add_with_word(*group, context, "show", "Show a flow as a tree of its jobs", "id", "Id of the flow", show);
    add_with_word(*group, context, "cancel", "Cancel what of a flow has not ended", "id", "Id of the flow", cancel);
}

} // namespace millrace::cli
