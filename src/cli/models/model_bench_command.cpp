#include "base/json_text.hpp"
#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/interruption.hpp"
#include "cli/models/model_bench_input.hpp"
#include "cli/models/model_bench_load.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>
#include <ostream>

namespace millrace::cli {
namespace {

struct Options {
    std::string name, version;
    std::vector<std::string> files;
    std::vector<std::size_t> batches, concurrency{1, 4, 16}; // batches: none named, see default_batches()
    double seconds = 5;
};

struct Measured {
    std::vector<Cell> cells;
    std::string problem; // the first error's words
};

// The manifest of the version that is asked, or of the one in production.
values::Manifest manifest_of(const json::value& model, const std::string& version) {
    const auto wanted = version.empty() ? member(model, "production") : version;
    if (const auto* versions = find(model, {"versions"}); versions && versions->is_array())
        for (const auto& each : versions->get_array())
            if (const auto* manifest = find(each, {"manifest"}); manifest && member(each, "version") == wanted) {
                auto read = values::Manifest::from_json(*manifest);
                if (!read) throw Failure{failed, "the manifest is not understood: " + read.error().detail};
                return std::move(*read);
            }
    throw Failure{failed, version.empty() ? "the model has no version in production: name one with --version"
                                          : fmt::format("there is no version {}", version)};
}

std::vector<std::size_t> default_batches(const values::Manifest& manifest, bool of_files) {
    std::vector<std::size_t> batches{1};
    for (const std::size_t each : {8, 32})
        if (takes_batches(manifest, of_files) && each <= static_cast<std::size_t>(manifest.batching.max_batch))
            batches.push_back(each);
    return batches;
}

std::filesystem::path socket_of(const Context& context) {
    const auto endpoint = endpoint_of(context);
    if (endpoint.is_remote())
        throw Failure{usage,
                      "model bench measures a daemon on this machine: over a network it would measure the network"};
    return endpoint.socket;
}

Measured measure(Context& context, const Options& options, const values::Manifest& manifest) {
    const BenchTarget target{options.name, options.version, manifest};
    const std::vector<std::filesystem::path> files{options.files.begin(), options.files.end()};
    Measured measured;
    Progress progress{context.err, context.progress, "measuring " + options.name};
    Interruption interruption{Interruption::Of::all};
    const auto batches = options.batches.empty() ? default_batches(manifest, !files.empty()) : options.batches;
    const auto all = static_cast<double>(batches.size() * options.concurrency.size());
    for (const auto batch : batches) {
        const auto requests = bench_requests(target, files, batch);
        for (const auto connections : options.concurrency) {
            const Load load{socket_of(context), context.timeout, requests,
                            connections,        batch,           std::min(0.5, options.seconds / 4),
                            options.seconds};
            auto outcome = run_load(load, Interruption::asked(), [&](double share) {
                progress.show((static_cast<double>(measured.cells.size()) + share) / all,
                              fmt::format("{} connections, batches of {}", connections, batch));
            });
            measured.cells.push_back(std::move(outcome.cell));
            if (measured.problem.empty()) measured.problem = std::move(outcome.problem);
            if (Interruption::asked()) return measured;
        }
    }
    return measured;
}

std::string milliseconds(double value) { return fmt::format(fmt::runtime(value < 10 ? "{:.2f}" : "{:.0f}"), value); }

void print_table(Context& context, const std::vector<Cell>& cells) {
    const auto right = Table::Align::right;
    Table table{{{.title = "CONNECTIONS", .align = right},
                 {.title = "BATCH", .align = right},
                 {.title = "ITEMS/S", .align = right},
                 {.title = "P50 MS", .align = right},
                 {.title = "P95 MS", .align = right},
                 {.title = "P99 MS", .align = right},
                 {.title = "MEAN MS", .align = right},
                 {.title = "PASS", .align = right},
                 {.title = "QUEUE MS", .align = right},
                 {.title = "INFER MS", .align = right},
                 {.title = "ERRORS", .align = right}}};
    for (const auto& cell : cells) {
        const auto f = summarize(cell);
        table.row({std::to_string(cell.clients.size()), std::to_string(cell.batch),
                   fmt::format(fmt::runtime(f.per_second < 100 ? "{:.1f}" : "{:.0f}"), f.per_second),
                   milliseconds(f.p50_ms), milliseconds(f.p95_ms), milliseconds(f.p99_ms), milliseconds(f.mean_ms),
                   fmt::format("{:.1f}", f.server.batch_size), milliseconds(f.server.queue_ms),
                   milliseconds(f.server.infer_ms), std::to_string(f.errors)});
    }
    table.print(context);
}

void print_json(Context& context, const Options& options, const Measured& measured) {
    json::array rows;
    for (const auto& cell : measured.cells) rows.push_back(to_json(cell));
    const auto text_or_null = [](const std::string& text) { return text.empty() ? json::value{} : json::value(text); };
    json::object all{{"model", options.name}, {"version", text_or_null(options.version)}, {"seconds", options.seconds}};
    all["input"] = options.files.empty() ? json::value("made up") : json::value_from(options.files);
    all["rows"] = std::move(rows);
    all["interrupted"] = Interruption::asked().load();
    all["error"] = text_or_null(measured.problem);
    print_raw(context, json_text(all));
}

// A chain takes what its first step takes.
values::Manifest input_manifest(Context& context, const std::string& name, const std::string& version) {
    auto manifest = manifest_of(Client{context}.get("/api/v1/models/" + encoded(name)), version);
    if (manifest.task != values::Task::chain) return manifest;
    const auto& first = manifest.steps.front();
    auto taken =
        manifest_of(Client{context}.get("/api/v1/models/" + encoded(first.model)), std::to_string(first.version));
    if (values::crops(manifest)) taken.batching.max_batch = 1; // it takes one picture a request
    return taken;
}

int bench(Context& context, const Options& options) {
    const auto manifest = input_manifest(context, options.name, options.version);
    if (manifest.cache_for) context.err << "answers of this model are kept: inputs that come again are not run again\n";
    const auto measured = measure(context, options, manifest);
    if (context.json) print_json(context, options, measured);
    else print_table(context, measured.cells);
    if (!measured.problem.empty()) context.err << "error: " << printable(measured.problem) << '\n';
    return measured.problem.empty() ? done : failed;
}

} // namespace

void add_model_bench(CLI::App& group, Context& context) {
    auto options = std::make_shared<Options>(); // shared with the callback, which the app copies
    auto* command =
        group.add_subcommand("bench", "Measure how many predictions a model makes a second, and how long each takes");
    command->add_option("name", options->name, "Name of the model")->required()->type_name("");
    command->add_option("--version", options->version, "Instead of what traffic chooses")->type_name("V");
    command->add_option("--input", options->files, "Files to send in turn; else inputs are made up from the manifest")
        ->type_name("FILE");
    command
        ->add_option("--batch", options->batches,
                     "Items a request, several by commas (1,8,32, as far as the model takes them)")
        ->delimiter(',')
        ->check(CLI::Range(1, 1024))
        ->type_name("N");
    command->add_option("--concurrency", options->concurrency, "Connections at a time, several by commas (1,4,16)")
        ->delimiter(',')
        ->check(CLI::Range(1, 256))
        ->type_name("N");
    command->add_option("--seconds", options->seconds, "Length of each measurement (5)")
        ->check(CLI::Range(0.1, 3600.0))
        ->type_name("N");
    command->footer(
        "PASS is how many items the server ran together on average, QUEUE and INFER the time that an item waited and "
        "that its\n"
        "forward pass took. The daemon goes on with its other work, which shares the machine. Ctrl-C prints what there "
        "is.\n"
        "Examples:\n"
        "  millrace model bench digits\n"
        "  millrace model bench digits --input seven.png three.png --concurrency 1,64\n"
        "  millrace model bench digits --batch 1,8,32 --seconds 10 --json | jq '.rows[] | [.batch, .per_second]'");
    command->callback(
        [&context, options] { context.action = [&context, options] { return bench(context, *options); }; });
}

} // namespace millrace::cli
