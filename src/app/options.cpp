#include "app/options.hpp"

#include "app/descriptor_limit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <set>

#include <unistd.h>

namespace millrace::app {
namespace {

// `auto` is what the machine has. A runtime that could use a GPU where none is would else be slow for no reason that is
// told.
std::vector<std::string> devices_of(const config::InferenceConfig& config, telemetry::Log& log) {
    if (config.devices != std::vector<std::string>{"auto"}) return config.devices;
    auto found = inference::find_devices(config.runtime);
    if (config.enabled && found.size() == 1 && inference::has_cuda(config.runtime))
        log.info("no GPU was found: models run on the processor", {{"looked_for", "/dev/nvidia0"}});
    return found;
}

// By name or id. A name that nobody has yet serves nobody: an organisation that is made later needs a restart.
std::set<OrganizationId> organizations_of(const config::ExecCommand& command, store::Database& database,
                                          telemetry::Log& log) {
    auto read = [names = command.organizations](store::Session& session) -> Result<std::set<OrganizationId>> {
        std::set<OrganizationId> found;
        for (auto rows = session.query("SELECT id, name FROM organizations", {}); rows.next();)
            if (std::ranges::any_of(names,
                                    [&](const auto& each) { return each == rows.text(0) || each == rows.text(1); }))
                found.insert(rows.id<OrganizationId>(0));
        return found;
    };
    auto found = database.read_blocking(std::move(read));
    if (found && found->size() < command.organizations.size())
        log.warning("a command names organizations that are not there",
                    {{"command", command.name}, {"found", found->size()}, {"named", command.organizations.size()}});
    return found ? std::move(*found) : std::set<OrganizationId>{};
}

std::uint64_t resident_bytes() {
    std::ifstream file{"/proc/self/statm"};
    std::uint64_t pages = 0, resident = 0;
    file >> pages >> resident;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t machine_bytes() {
    return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

bool disk_is_low(const std::filesystem::path& folder, std::uint64_t least) {
    std::error_code failure;
    const auto space = std::filesystem::space(folder, failure);
    return !failure && space.available < least;
}

} // namespace

inference::EngineOptions engine_options(const config::InferenceConfig& config, telemetry::Log& log,
                                        std::function<void(const inference::QuarantineStatus&)> on_quarantine) {
    inference::EngineOptions options;
    options.enabled = config.enabled;
    options.runtime = config.runtime;
    options.threads = static_cast<int>(config.threads);
    options.devices = devices_of(config, log);
    options.model_memory = config.model_memory_bytes;
    options.memory_limit = config.memory_limit_bytes;
    options.queue_capacity = config.queue_capacity;
    options.cancel_grace = std::chrono::seconds{config.cancel_grace_seconds};
    options.load_timeout = std::chrono::seconds{config.load_timeout_seconds};
    options.own_workers = config.own_workers;
    options.quarantine.first_hold = std::chrono::seconds{config.quarantine_seconds};
    options.on_quarantine = std::move(on_quarantine);
    return options;
}

processors::ExecOptions exec_options(const config::Config& config, store::Database& database, telemetry::Log& log) {
    processors::ExecOptions options;
    options.scratch = config.data / "exec";
    options.grace = std::chrono::seconds{config.exec.grace_seconds};
    for (const auto& command : config.exec.commands) {
        options.commands.push_back({command.name, command.command, command.environment,
                                    std::chrono::seconds{command.timeout_seconds}, command.memory_bytes,
                                    command.max_output_bytes, command.concurrency});
        if (std::ranges::find(command.organizations, "*") == command.organizations.end())
            options.commands.back().organizations = organizations_of(command, database, log);
    }
    return options;
}

std::string no_room(const config::Config& config) {
    if (disk_is_low(config.data, config.jobs.min_free_bytes))
        return fmt::format(
            "the disk is nearly full: less than {} MiB are free in the data folder (jobs.min_free_bytes)",
            config.jobs.min_free_bytes >> 20);
    const auto most = config.jobs.max_memory_bytes ? config.jobs.max_memory_bytes : machine_bytes() / 2;
    if (resident_bytes() > most)
        return fmt::format("the daemon has taken more than {} MiB of memory (jobs.max_memory_bytes)", most >> 20);
    return {};
}

jobs::DispatcherOptions dispatcher_options(const config::Config& config) {
    jobs::DispatcherOptions options;
    options.scheduler.concurrency = config.jobs.concurrency;
    options.scheduler.ageing = std::chrono::seconds{config.jobs.ageing_seconds};
    options.max_backlog = config.jobs.max_backlog;
    options.no_room = [config] { return no_room(config); };
    return options;
}

jobs::RetentionOptions retention_options(const config::RetentionConfig& config) {
    using values::JobState;
    jobs::RetentionOptions options;
    const auto keep = [&](JobState state, std::uint32_t days) {
        if (days > 0) options.keep[state] = std::chrono::days{days};
    };
    keep(JobState::succeeded, config.succeeded_days);
    keep(JobState::dead, config.dead_days);
    keep(JobState::cancelled, config.cancelled_days);
    keep(JobState::expired, config.cancelled_days);
    return options;
}

http::ServerOptions server_options(const config::Config& config) {
    http::ServerOptions options;
    options.host = config.http.listen.address;
    options.port = config.http.listen.port;
    options.socket = config.socket;
    options.limits.connections = connections_for(config.http.max_connections, descriptor_limit());
    options.limits.proxies = config.http.trusted_proxies;
    if (const auto cap = config.http.max_connections_per_address) {
        options.limits.connections_per_address = cap;
        options.limits.count_loopback = true;
    }
    return options;
}

} // namespace millrace::app
