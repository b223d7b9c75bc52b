#include "base/json_text.hpp"
#include "cli/commands.hpp"
#include "cli/models/model_path.hpp"
#include "cli/models/model_view.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
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

struct Options {
    std::string name;
    bool manifest = false;
};

constexpr std::size_t most_versions = 6, usual_width = 120;

// A member a line, as far as the line goes: a manifest may have a vocabulary of 30,000 words.
void print_manifest(Context& context, const Options& options, const json::value& manifest) {
    context.out << "\nmanifest (all of it: "
                << printable(fmt::format("millrace model show {} --manifest", options.name)) << "):\n";
    const std::size_t width =
        std::max<std::size_t>(40, context.width > 0 ? static_cast<std::size_t>(context.width) : usual_width);
    if (const auto* object = manifest.if_object())
        for (const auto& [key, member] : *object)
            if (!member.is_null())
                context.out << printable(shortened(fmt::format("  {:<11} {}", std::string_view{key}, json_text(member)),
                                                   width - 1))
                            << '\n';
}

// The newest versions, and the one in production, in their order.
json::value latest(const json::value& model) {
    auto out = model;
    auto* versions = out.is_object() ? out.get_object().if_contains("versions") : nullptr;
    if (!versions || !versions->is_array() || versions->get_array().size() <= most_versions) return out;
    auto& all = versions->get_array();
    json::array kept;
    for (std::size_t i = 0; i < all.size(); ++i)
        if (i + most_versions >= all.size() || member(all[i], "version") == member(model, "production"))
            kept.push_back(all[i]);
    all = std::move(kept);
    return out;
}

int show(Context& context, const Options& options) {
    const auto name = version_name(options.name);
    const Client client{context};
    const auto target = name.version ? version_path(name.model, *name.version) : model_path(name.model);
    const auto reply = client.call({.target = target});
    if (context.json && !options.manifest) {
        print_raw(context, reply.body);
        return done;
    }
    const auto model = name.version ? client.get(model_path(name.model)) : reply.json();
    const auto number = name.version.value_or(member(model, "production"));
    const auto version = entry_of(model, number);
    if (options.manifest) {
        const auto* manifest = find(version, {"manifest"});
        if (!manifest) throw Failure{failed, "the model has no version in production: name one as NAME/VERSION"};
        if (context.json) print_raw(context, json_text(*manifest));
        else context.out << pretty(*manifest) << '\n';
        return done;
    }
    const auto statistics = client.get(model_path(name.model, "/statistics"));
    const auto now = SystemClock::instance().now();
    if (!name.version) {
        auto table = version_table();
        const auto shown = latest(model);
        add_version_rows(table, shown, now);
        table.print(context);
        if (const auto hidden = model.at("versions").as_array().size() - shown.at("versions").as_array().size();
            hidden > 0)
            context.out << hidden << " older versions are not shown: millrace model list tells of all\n";
    }
    if (version.is_null()) return done; // no production yet
    if (!name.version) context.out << '\n';
    print_version(context.out, model, version, entry_of(statistics, number), now);
    if (const auto* manifest = find(version, {"manifest"})) print_manifest(context, options, *manifest);
    return done;
}

} // namespace

void add_model_show(CLI::App& group, Context& context) {
    auto options = std::make_shared<Options>(); // shared with the callback, which the app copies
    auto* command = group.add_subcommand("show", "Show a model with its versions, and all about one of them");
    command->add_option("name", options->name, "NAME, for the version in production, or NAME/VERSION")
        ->required()
        ->type_name("");
    command->add_flag("--manifest", options->manifest,
                      "Only its manifest, and all of it: without this, long lists are shortened");
    command->footer("Examples:\n"
                    "  millrace model show digits\n"
                    "  millrace model show digits/2\n"
                    "  millrace model show digits --manifest > digits.manifest.json");
    command->callback(
        [&context, options] { context.action = [&context, options] { return show(context, *options); }; });
}

} // namespace millrace::cli
