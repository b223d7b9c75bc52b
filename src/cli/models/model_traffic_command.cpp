#include "base/json_text.hpp"
#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/models/traffic_view.hpp"
#include "cli/text.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>
#include <ostream>

namespace millrace::cli {
namespace {

struct TrafficOptions {
    std::string name, production, candidate, shadow, fallback;
    std::optional<double> percent, error_increase, latency_ratio;
    std::optional<std::int64_t> min_samples;
    bool no_rollback = false;

    bool changes() const {
        return !production.empty() || !candidate.empty() || !shadow.empty() || !fallback.empty() || min_samples ||
               error_increase || latency_ratio || no_rollback;
    }
};

std::string path_of(const std::string& name, std::string_view rest) {
    return fmt::format("/api/v1/models/{}/{}", encoded(name), rest);
}

// MODEL or MODEL/VERSION.
json::object fallback_of(const std::string& text) {
    const auto slash = text.find('/');
    json::object fallback{{"model", text.substr(0, slash)}};
    if (slash != std::string::npos) fallback["version"] = text.substr(slash + 1);
    return fallback;
}

json::object traffic_of(const TrafficOptions& options, const json::value& present) {
    json::object traffic;
    if (!options.production.empty()) traffic["production"] = options.production;
    else if (const auto* production = find(present, {"production"})) traffic["production"] = *production;
    if (!options.candidate.empty())
        traffic["candidate"] = json::object{{"version", options.candidate}, {"percent", options.percent.value_or(0)}};
    if (!options.shadow.empty()) traffic["shadow"] = options.shadow;
    if (!options.fallback.empty()) traffic["fallback"] = fallback_of(options.fallback);
    json::object policy;
    if (options.min_samples) policy["min_samples"] = *options.min_samples;
    if (options.error_increase) policy["max_error_rate_increase"] = *options.error_increase / 100;
    if (options.latency_ratio) policy["max_latency_ratio"] = *options.latency_ratio;
    if (options.no_rollback) traffic["rollback"] = false;
    else if (!policy.empty()) traffic["rollback"] = std::move(policy);
    return traffic;
}

int print(Context& context, const std::string& name, const Reply& reply) {
    if (context.json) print_raw(context, reply.body);
    else print_traffic(context, name, reply.json());
    return done;
}

int traffic(Context& context, const TrafficOptions& options) {
    const Client client{context};
    const auto target = path_of(options.name, "traffic");
    if (!options.changes()) return print(context, options.name, client.call({.target = target}));
    Body body;
    body.add_text(json_text(traffic_of(options, options.production.empty() ? client.get(target) : json::value{})));
    // Versions are loaded before they are used, and before the answer.
    return print(
        context, options.name,
        client.call(
            {.method = "PUT", .target = target, .content_type = "application/json", .body = &body, .patience = 300}));
}

int roll_back(Context& context, const std::string& name, const std::string& reason) {
    json::object said;
    if (!reason.empty()) said["reason"] = reason;
    Body body;
    body.add_text(json_text(said));
    return print(context, name,
                 Client{context}.call({.method = "POST",
                                       .target = path_of(name, "rollback"),
                                       .content_type = "application/json",
                                       .body = &body,
                                       .patience = 300}));
}

int compare(Context& context, const std::string& name) {
    const auto reply = Client{context}.call({.target = path_of(name, "comparison")});
    if (context.json) print_raw(context, reply.body);
    else print_comparison(context, reply.json());
    return done;
}

int feedback(Context& context, const std::string& job, const std::string& label, std::optional<bool> correct) {
    if (label.empty() == !correct.has_value())
        throw Failure{usage, "say which label was right, or --correct, or --wrong"};
    json::object word;
    if (correct) word["correct"] = *correct;
    else word["actual"] = label;
    const auto reply = Client{context}.post_json(fmt::format("/api/v1/jobs/{}/feedback", encoded(job)), word);
    if (context.json) {
        print_raw(context, reply.body);
        return done;
    }
    const auto note = reply.json();
    const auto* right = find(note, {"correct"});
    context.out << member(note, "model") << '/' << member(note, "model_version") << " was "
                << (right && right->is_bool() && right->get_bool() ? "right" : "wrong") << '\n';
    return done;
}

void add_traffic(CLI::App& group, Context& context) {
    auto options = std::make_shared<TrafficOptions>(); // shared with the callback, which the app copies
    auto* command = group.add_subcommand("traffic", "Show or set which versions of a model answer");
    command->add_option("name", options->name, "Name of the model")->required()->type_name("");
    command->add_option("--production", options->production, "The version that answers; it stays unless named")
        ->type_name("V");
    auto* candidate = command->add_option("--candidate", options->candidate, "A version on trial")->type_name("V");
    auto* percent = command->add_option("--percent", options->percent, "Its share of the traffic")
                        ->type_name("P")
                        ->check(CLI::Range(0.0, 100.0));
    candidate->needs(percent);
    percent->needs(candidate);
    command->add_option("--shadow", options->shadow, "A version that sees what production sees, and never answers")
        ->type_name("V");
    command->add_option("--fallback", options->fallback, "Answers when production cannot: a model, or MODEL/VERSION")
        ->type_name("MODEL");
    command->add_option("--min-samples", options->min_samples, "Predictions of the candidate before it is judged")
        ->type_name("N");
    command
        ->add_option("--max-error-increase", options->error_increase,
                     "Percent of its predictions that may fail beyond production's")
        ->type_name("P");
    command
        ->add_option("--max-latency-ratio", options->latency_ratio, "How many times as long as production it may take")
        ->type_name("X");
    command->add_flag("--no-rollback", options->no_rollback, "Never take the candidate back by itself");
    command->footer("Without options it shows the traffic and how it came about. What is not named is switched off, "
                    "but for production.\n"
                    "Examples:\n"
                    "  millrace model traffic digits\n"
                    "  millrace model traffic digits --candidate 4 --percent 10\n"
                    "  millrace model traffic digits --production 4 --fallback small/1");
    command->callback(
        [&context, options] { context.action = [&context, options] { return traffic(context, *options); }; });
}

void add_rollback(CLI::App& group, Context& context) {
    auto name = std::make_shared<std::string>(), reason = std::make_shared<std::string>();
    auto* command = group.add_subcommand("rollback", "Return to the traffic before; once more: to the one before that");
    command->add_option("name", *name, "Name of the model")->required()->type_name("");
    command->add_option("--reason", *reason, "Why, for those who look later")->type_name("TEXT");
    command->footer("Examples:\n  millrace model rollback digits --reason 'seven is taken for one'");
    command->callback([&context, name, reason] {
        context.action = [&context, name, reason] { return roll_back(context, *name, *reason); };
    });
}

void add_compare(CLI::App& group, Context& context) {
    auto name = std::make_shared<std::string>();
    auto* command =
        group.add_subcommand("compare", "Compare the versions of a model: latency, errors, labels, accuracy");
    command->add_option("name", *name, "Name of the model")->required()->type_name("");
    command->footer("Of the last day; feedback of all time.\nExamples:\n  millrace model compare digits");
    command->callback([&context, name] { context.action = [&context, name] { return compare(context, *name); }; });
}

void add_feedback(CLI::App& group, Context& context) {
    auto job = std::make_shared<std::string>(), label = std::make_shared<std::string>();
    auto right = std::make_shared<bool>(false), wrong = std::make_shared<bool>(false);
    auto* command = group.add_subcommand("feedback", "Tell what a job's prediction should have been");
    command->add_option("job", *job, "Id of the job")->required()->type_name("");
    command->add_option("label", *label, "The label that was right")->type_name("");
    auto* correct = command->add_flag("--correct", *right, "The prediction was right");
    command->add_flag("--wrong", *wrong, "It was not")->excludes(correct);
    command->footer("Examples:\n"
                    "  millrace model feedback 0197c3d2-5b7e-7f2a-9c41-0a1b2c3d4e5f 7\n"
                    "  millrace model feedback 0197c3d2-5b7e-7f2a-9c41-0a1b2c3d4e5f --wrong");
    command->callback([&context, job, label, right, wrong] {
        context.action = [&context, job, label, right, wrong] {
            std::optional<bool> said;
            if (*right || *wrong) said = *right;
            return feedback(context, *job, *label, said);
        };
    });
}

} // namespace

void add_model_traffic(CLI::App& group, Context& context) {
    add_traffic(group, context);
    add_rollback(group, context);
    add_compare(group, context);
    add_feedback(group, context);
}

} // namespace millrace::cli
