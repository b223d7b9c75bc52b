#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/download.hpp"
#include "cli/text.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>
#include <ostream>

namespace millrace::cli {
namespace {

namespace fs = std::filesystem;

struct PushOptions {
    std::string name, model, manifest;
};

struct PredictOptions {
    std::string name, version, output;
    std::vector<std::string> files;
};

std::string path_of(const std::string& name, std::string_view rest = "") { return fmt::format("/api/v1/models/{}{}", encoded(name), rest); }

std::string accuracy_of(const json::value& version) {
    const auto* held_out = find(version, {"accuracy", "held_out"});
    return held_out && held_out->is_number() ? fmt::format("{:.1f}%", held_out->to_number<double>() * 100) : "-";
}

std::string size_of(const json::value& version) {
    const auto* size = find(version, {"size"});
    return size && size->is_number() ? size_text(size->to_number<std::uint64_t>()) : "-";
}

// A folder stands for the model.pt and manifest.json in it; a model alone for NAME.manifest.json or manifest.json
// beside it.
void complete(PushOptions& options) {
    std::error_code ignored;
    if (fs::is_directory(options.model, ignored)) options.model = (fs::path{options.model} / "model.pt").string();
    if (!options.manifest.empty()) return;
    const fs::path model{options.model};
    for (const auto& name : {model.stem().string() + ".manifest.json", std::string{"manifest.json"}}) {
        options.manifest = (model.parent_path() / name).string();
        if (fs::exists(options.manifest, ignored)) return;
    }
    throw Failure{usage, fmt::format("there is no {}: name the manifest after the model", options.manifest)};
}

int push(Context& context, PushOptions options) {
    complete(options);
    Form form;
    form.file("manifest", options.manifest, "application/json"); // first, so that a bad one is refused before the upload
    form.file("model", options.model, "application/octet-stream");
    const auto content_type = form.content_type();
    auto body = form.finish();
    const Client client{context};
    Progress progress{context.err, context.progress, "pushing " + options.name};
    const auto total = static_cast<double>(body.size());
    const auto reply = client.call({.method = "POST",
                                    .target = path_of(options.name, "/versions"),
                                    .content_type = content_type,
                                    .body = &body,
                                    .sent = [&](std::uint64_t sent) { progress.show(static_cast<double>(sent) / total, size_text(sent)); },
                                    .patience = 300}); // it is loaded for trial before the answer
    progress.clear();
    if (context.json) {
        print_raw(context, reply.body);
        return done;
    }
    const auto version = reply.json();
    context.out << options.name << '/' << member(version, "version") << "  " << member(version, "state")
                << (reply.status == 200 ? "  (it was here already)" : "") << '\n';
    return done;
}

void add_version_rows(Table& table, const json::value& model, Timestamp now) {
    const auto* versions = find(model, {"versions"});
    if (!versions || !versions->is_array()) return;
    for (const auto& version : versions->get_array()) {
        const auto number = member(version, "version");
        table.row({member(model, "name") + "/" + number, number == member(model, "production") ? "production" : "", member(version, "state"),
                   member(version, "task"), accuracy_of(version), size_of(version), age(version, "created_at", now),
                   member(version, "description")});
    }
}

Table version_table() {
    return Table{{{.title = "MODEL"},
                  {.title = "USE"},
                  {.title = "STATE"},
                  {.title = "TASK", .elastic = true},
                  {.title = "ACCURACY", .align = Table::Align::right},
                  {.title = "SIZE", .align = Table::Align::right},
                  {.title = "AGE", .align = Table::Align::right},
                  {.title = "DESCRIPTION", .elastic = true}}};
}

int list(Context& context) {
    const auto reply = Client{context}.call({.target = "/api/v1/models"});
    if (context.json) {
        print_raw(context, reply.body);
        return done;
    }
    auto table = version_table();
    const auto page = reply.json();
    const auto now = SystemClock::instance().now();
    if (const auto* data = find(page, {"data"}); data && data->is_array())
        for (const auto& model : data->get_array()) add_version_rows(table, model, now);
    if (table.empty()) context.err << "no models yet: millrace model push NAME model.pt manifest.json\n";
    else table.print(context.out, context.width);
    return done;
}

int show(Context& context, const std::string& name) {
    const auto reply = Client{context}.call({.target = path_of(name)});
    if (context.json) {
        print_raw(context, reply.body);
        return done;
    }
    auto table = version_table();
    const auto model = reply.json();
    add_version_rows(table, model, SystemClock::instance().now());
    table.print(context.out, context.width);
    if (const auto* versions = find(model, {"versions"}); versions && versions->is_array())
        for (const auto& version : versions->get_array())
            if (const auto* manifest = find(version, {"manifest"}); manifest && member(version, "version") == member(model, "production"))
                context.out << "\nmanifest of " << member(version, "version") << ":\n" << pretty(*manifest) << '\n';
    return done;
}

void print_shares(Context& context, const json::value& prediction, const json::value& shares) {
    Table table{{{.title = "CLASS", .elastic = true}, {.title = "SHARE", .align = Table::Align::right}, {.title = "PIXELS", .align = Table::Align::right}}};
    for (const auto& each : shares.as_array()) {
        const auto* share = find(each, {"share"});
        table.row({member(each, "label"), share && share->is_number() ? fmt::format("{:.1f}%", share->to_number<double>() * 100) : "-",
                   member(each, "pixels")});
    }
    table.print(context.out, context.width);
    if (const auto* blob = find(prediction, {"map", "blob"}); blob && blob->is_string())
        context.out << "map " << member(prediction, "width") << " × " << member(prediction, "height") << ": blob "
                    << printable(std::string_view{blob->get_string()}) << '\n';
}

// One prediction for people; classifications of several files come as one table at the end.
void print_prediction(Context& context, Table& labels, const std::string& file, const json::value& prediction) {
    const auto* confidence = find(prediction, {"confidence"});
    const auto* shares = find(prediction, {"shares"});
    if (confidence && confidence->is_number()) {
        labels.row({file, member(prediction, "label"), fmt::format("{:.2f}%", confidence->to_number<double>() * 100),
                    member(prediction, "model") + "/" + member(prediction, "model_version")});
    } else if (shares && shares->is_array()) {
        context.out << printable(file) << '\n';
        print_shares(context, prediction, *shares);
    } else {
        context.out << printable(file) << '\n' << pretty(prediction) << '\n';
    }
}

void save_map(Context& context, const Client& client, const json::value& prediction, const std::string& output) {
    const auto* blob = find(prediction, {"map", "blob"});
    if (!blob || !blob->is_string()) throw Failure{failed, "this model draws no map; --output is for models that do"};
    download(context, client, std::string{std::string_view{blob->get_string()}}, output);
    context.err << "map written to " << output << '\n';
}

int predict(Context& context, const PredictOptions& options) {
    if (!options.output.empty() && options.files.size() > 1) throw Failure{usage, "--output takes the map of one file"};
    const Client client{context};
    const auto target = path_of(options.name, "/predict") + (options.version.empty() ? "" : "?version=" + encoded(options.version));
    Table labels{{{.title = "FILE", .elastic = true}, {.title = "LABEL"}, {.title = "CONFIDENCE", .align = Table::Align::right}, {.title = "MODEL"}}};
    for (const auto& file : options.files) {
        Body body;
        body.add_file(file);
        const auto reply = client.call({.method = "POST", .target = target, .content_type = media_type(file), .body = &body, .patience = 60});
        const auto prediction = reply.json();
        if (context.json) print_raw(context, reply.body); // one line a file
        else print_prediction(context, labels, file, prediction);
        if (!options.output.empty()) save_map(context, client, prediction, options.output);
    }
    if (!labels.empty()) labels.print(context.out, context.width);
    return done;
}

void add_push(CLI::App& group, Context& context) {
    auto options = std::make_shared<PushOptions>(); // shared with the callback, which the app copies
    auto* command = group.add_subcommand("push", "Register a version of a model");
    command->add_option("name", options->name, "Name of the model")->required()->type_name("");
    command->add_option("model", options->model, "TorchScript file, or a folder with model.pt and manifest.json")->required()->type_name("");
    command->add_option("manifest", options->manifest, "Its manifest; else MODEL.manifest.json or manifest.json beside the model")->type_name("");
    command->footer("The model is loaded for trial before it is accepted. The first version serves at once.\n"
                    "Examples:\n"
                    "  millrace model push digits model.pt manifest.json\n"
                    "  millrace model push digits ./digits");
    command->callback([&context, options] { context.action = [&context, options] { return push(context, *options); }; });
}

void add_predict(CLI::App& group, Context& context) {
    auto options = std::make_shared<PredictOptions>();
    auto* command = group.add_subcommand("predict", "Run files through a model and print what it says");
    command->add_option("name", options->name, "Name of the model")->required()->type_name("");
    command->add_option("file", options->files, "PNG, JPEG, NumPy (.npy) or JSON files")->required()->type_name("");
    command->add_option("--version", options->version, "Instead of the production version")->type_name("V");
    command->add_option("--output", options->output, "Write the map of a pixel classification here")->type_name("FILE");
    command->footer("Examples:\n"
                    "  millrace model predict digits seven.png three.png\n"
                    "  millrace model predict land_cover patch.npy --output map.png");
    command->callback([&context, options] { context.action = [&context, options] { return predict(context, *options); }; });
}

} // namespace

void add_model(CLI::App& app, Context& context) {
    auto* group = app.add_subcommand("model", "Push models, look at them, predict with them");
    group->require_subcommand(1, 1);
    add_push(*group, context);
    auto* list_command = group->add_subcommand("list", "List models and their versions");
    list_command->footer("Examples:\n  millrace model list");
    list_command->callback([&context] { context.action = [&context] { return list(context); }; });
    auto name = std::make_shared<std::string>();
    auto* show_command = group->add_subcommand("show", "Show a model, its versions and the manifest in production");
    show_command->add_option("name", *name, "Name of the model")->required()->type_name("");
    show_command->footer("Examples:\n  millrace model show digits");
    show_command->callback([&context, name] { context.action = [&context, name] { return show(context, *name); }; });
    add_predict(*group, context);
    add_model_traffic(*group, context);
    add_model_bench(*group, context);
}

} // namespace millrace::cli
