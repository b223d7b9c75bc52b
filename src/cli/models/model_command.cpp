#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/download.hpp"
#include "cli/models/model_path.hpp"
#include "cli/models/model_view.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>
#include <ostream>

namespace millrace::cli {
namespace {

struct PredictOptions {
    std::string name, version, output;
    std::vector<std::string> files;
};

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
    else table.print(context);
    return done;
}

void print_shares(Context& context, const json::value& prediction, const json::value& shares) {
    Table table{{{.title = "CLASS", .elastic = true},
                 {.title = "SHARE", .align = Table::Align::right},
                 {.title = "PIXELS", .align = Table::Align::right}}};
    for (const auto& each : shares.as_array()) {
        const auto* share = find(each, {"share"});
        table.row({member(each, "label"),
                   share && share->is_number() ? fmt::format("{:.1f}%", share->to_number<double>() * 100) : "-",
                   member(each, "pixels")});
    }
    table.print(context);
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
    const auto target =
        model_path(options.name, "/predict") + (options.version.empty() ? "" : "?version=" + encoded(options.version));
    Table labels{{{.title = "FILE", .elastic = true},
                  {.title = "LABEL"},
                  {.title = "CONFIDENCE", .align = Table::Align::right},
                  {.title = "MODEL"}}};
    for (const auto& file : options.files) {
        Body body;
        body.add_file(file);
        const auto reply = client.call(
            {.method = "POST", .target = target, .content_type = media_type(file), .body = &body, .patience = 60});
        const auto prediction = reply.json();
        if (context.json) print_raw(context, reply.body); // one line a file
        else print_prediction(context, labels, file, prediction);
        if (!options.output.empty()) save_map(context, client, prediction, options.output);
    }
    if (!labels.empty()) labels.print(context);
    return done;
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
    command->callback(
        [&context, options] { context.action = [&context, options] { return predict(context, *options); }; });
}

} // namespace

void add_model(CLI::App& app, Context& context) {
    auto* group = app.add_subcommand("model", "Push models, look at them, predict with them");
    group->require_subcommand(1, 1);
    add_model_push(*group, context);
    auto* list_command = group->add_subcommand("list", "List models and their versions");
    list_command->footer("Examples:\n  millrace model list");
    list_command->callback([&context] { context.action = [&context] { return list(context); }; });
    add_model_show(*group, context);
    add_model_version(*group, context);
    add_predict(*group, context);
    add_model_signing(*group, context);
    add_model_traffic(*group, context);
    add_model_bench(*group, context);
}

} // namespace millrace::cli
