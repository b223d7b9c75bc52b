// One function a command group: it adds the subcommands, whose callbacks set context.action.
#pragma once
#include "cli/cli.hpp"
#include "cli/context.hpp"

namespace millrace::cli {

void add_serve(CLI::App& app, Context& context, Serve serve);
void add_status(CLI::App& app, Context& context);
void add_job(CLI::App& app, Context& context);
void add_job_submit(CLI::App& group, Context& context); // in the group `job`
void add_dead_letter(CLI::App& app, Context& context);
void add_queue(CLI::App& app, Context& context);
void add_flow(CLI::App& app, Context& context);
void add_event(CLI::App& app, Context& context);
void add_top(CLI::App& app, Context& context);
void add_schedule(CLI::App& app, Context& context);
void add_model(CLI::App& app, Context& context);
void add_model_traffic(CLI::App& group, Context& context); // in the group `model`
void add_model_push(CLI::App& group, Context& context);    // in the group `model`, as those below
void add_model_show(CLI::App& group, Context& context);
void add_model_version(CLI::App& group, Context& context); // export, delete, load, unload
void add_model_signing(CLI::App& group, Context& context); // keygen, sign
void add_model_bench(CLI::App& group, Context& context);   // in the group `model`
void add_blob(CLI::App& app, Context& context);
void add_key(CLI::App& app, Context& context);
void add_config(CLI::App& app, Context& context);
void add_context(CLI::App& app, Context& context);
void add_database(CLI::App& app, Context& context);
void add_database_move(CLI::App& group, Context& context); // in the group `db`
void add_version(CLI::App& app, Context& context);
void add_completion(CLI::App& app, Context& context); // and the hidden `man`, which writes the manual page

// At the end of every command's help.
inline constexpr char reminder[] =
    "Every command takes --data DIR, --socket PATH, --url URL, --json and --timeout SECONDS: millrace --help";

// As run(), with the streams and the terminal that `context` names.
int run_in(Context& context, int argc, const char* const* argv, Serve serve);

// The whole tree, without running anything.
void build(CLI::App& app, Context& context, Serve serve);

} // namespace millrace::cli
