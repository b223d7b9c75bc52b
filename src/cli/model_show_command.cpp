#include "cli/commands.hpp"
#include "cli/model_path.hpp"
#include "cli/model_view.hpp"

#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>

namespace millrace::cli {
namespace {

// The entry of a version in a list of them; null when there is none.
json::value entry_of(const json::value& holder, const std::string& number) {
    if (const auto* versions = find(holder, {"versions"}); versions && versions->is_array())
        for (const auto& each : versions->get_array())
            if (member(each, "version") == number) return each;
    return nullptr;
}

int show(Context& context, const std::string& text) {
    const auto name = version_name(text);
    const Client client{context};
    const auto target = name.version ? version_path(name.model, *name.version) : model_path(name.model);
    const auto reply = client.call({.target = target});
    if (context.json) {
        print_raw(context, reply.body);
        return done;
    }
    const auto model = name.version ? client.get(model_path(name.model)) : reply.json();
    const auto statistics = client.get(model_path(name.model, "/statistics"));
    const auto now = SystemClock::instance().now();
    if (!name.version) {
        auto table = version_table();
        add_version_rows(table, model, now);
        table.print(context.out, context.width);
    }
    const auto number = name.version.value_or(member(model, "production"));
    const auto version = entry_of(model, number);
    if (version.is_null()) return done; // no production yet
    if (!name.version) context.out << '\n';
    print_version(context.out, model, version, entry_of(statistics, number), now);
    if (const auto* manifest = find(version, {"manifest"})) context.out << "\nmanifest:\n" << pretty(*manifest) << '\n';
    return done;
}

} // namespace

void add_model_show(CLI::App& group, Context& context) {
    auto name = std::make_shared<std::string>(); // shared with the callback, which the app copies
    auto* command = group.add_subcommand("show", "Show a model with its versions, and all about one of them");
    command->add_option("name", *name, "NAME, for the version in production, or NAME/VERSION")->required()->type_name("");
    command->footer("Examples:\n"
                    "  millrace model show digits\n"
                    "  millrace model show digits/2");
    command->callback([&context, name] { context.action = [&context, name] { return show(context, *name); }; });
}

} // namespace millrace::cli
