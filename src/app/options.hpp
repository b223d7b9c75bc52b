// What each part of the daemon is told of the configuration. Pure but for the questions that it says.
#pragma once
#include "config/config.hpp"
#include "http/server.hpp"
#include "inference/engine.hpp"
#include "jobs/dispatcher.hpp"
#include "jobs/retention.hpp"
#include "processors/exec/exec.hpp"
#include "store/database.hpp"
#include "telemetry/log.hpp"

#include <string>

namespace millrace::app {

// Asks the machine for its devices where the configuration says `auto`.
inference::EngineOptions engine_options(const config::InferenceConfig& config, telemetry::Log& log,
                                        std::function<void(const inference::QuarantineStatus&)> on_quarantine);
// Asks the database for the organisations that a command is for. Before the daemon starts.
processors::ExecOptions exec_options(const config::Config& config, store::Database& database, telemetry::Log& log);
jobs::DispatcherOptions dispatcher_options(const config::Config& config);
jobs::RetentionOptions retention_options(const config::RetentionConfig& config);
http::ServerOptions server_options(const config::Config& config);

// Why no more work is taken, in words; empty: there is room. Asks the disk and the kernel. Any thread.
std::string no_room(const config::Config& config);

} // namespace millrace::app
