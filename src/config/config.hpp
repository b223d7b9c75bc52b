// The daemon's settings: one table (keys.hpp) of key, kind, default, check and help drives the file, the
// environment, the flags, `config show`, `config check` and the documented default file. Only this room parses
// strings; everything above gets a typed Config. Pure but for reading the file; any thread.
#pragma once
#include "base/network.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::config {

struct Endpoint {
    std::string address;      // numeric, without brackets
    std::uint16_t port = 0;   // 0: any free one
    std::string text() const; // 127.0.0.1:7878, [::1]:7878
    bool operator==(const Endpoint&) const = default;
};

enum class LogLevel { debug, info, warning, error };
enum class LogFormat { logfmt, json };

struct HttpConfig {
    Endpoint listen;
    unsigned io_threads = 0; // resolved by load(): never 0 after it
    std::uint32_t max_connections = 0;
    std::uint32_t max_connections_per_address = 0; // 0: three quarters of all for loopback, 512 for others
    std::vector<IpNetwork> trusted_proxies;        // whose X-Forwarded-For, -Proto and -Host are believed
    std::uint64_t max_body_bytes = 0;              // of a blob or model; JSON has its own, smaller limit
};

struct LogConfig {
    LogLevel level = LogLevel::info;
    LogFormat format = LogFormat::logfmt;
};

struct StoreConfig {
    std::string url; // of a PostgreSQL database; empty: SQLite in the data folder
    unsigned readers = 0;
    std::uint32_t queue_capacity = 0; // writes that wait for the writer thread
    bool accept_damage = false;       // start although acknowledged commits are lost
};

struct JobsConfig {
    std::uint32_t concurrency = 0;      // jobs running at once
    std::uint32_t max_backlog = 0;      // jobs waiting; more are refused with 503
    std::uint32_t ageing_seconds = 0;   // waited so long, a job rises by one priority
    std::uint64_t min_free_bytes = 0;   // in the data folder; with less, submits are refused
    std::uint64_t max_memory_bytes = 0; // of the daemon; with more, submits are refused. 0: half of the machine's
    std::uint32_t drain_seconds = 0;    // at shutdown, for what runs
};

struct RetentionConfig { // 0: for good
    std::uint32_t succeeded_days = 0, dead_days = 0, cancelled_days = 0;
    std::uint32_t prediction_files_hours = 24;
};

struct InferenceConfig {
    bool enabled = true;
    std::string runtime;                    // resolved by load(): empty when none was found
    unsigned threads = 0;                   // resolved by load(): never 0 after it
    std::vector<std::string> devices;       // "auto", or cpu and cuda:N
    std::uint64_t model_memory_bytes = 0;   // of all models that are loaded on one device; 0: no limit
    std::uint64_t memory_limit_bytes = 0;   // of the worker process; 0: three quarters of the machine's
    std::uint32_t queue_capacity = 0;       // requests that wait for the worker
    std::uint32_t cancel_grace_seconds = 0; // for cancelled work that is on the device already
    std::uint32_t load_timeout_seconds = 0; // of one model, warm-up included; of its trial as well
    std::uint32_t quarantine_seconds = 0;   // the first time that what keeps ending workers is refused; 0: it never is
    std::uint32_t own_workers = 0;          // processes for models that get one of their own
};

struct ModelsConfig {
    std::filesystem::path trusted_keys; // a folder of .pem files, or one; empty: nobody's
    bool require_signature = false;
};

// One section [exec.NAME] of the file.
struct ExecCommand {
    std::string name;
    std::vector<std::string> command;     // the program's absolute path, then its arguments
    std::vector<std::string> environment; // KEY=value
    std::uint32_t timeout_seconds = 0;    // of one attempt; the job's own may be shorter
    std::uint64_t memory_bytes = 0;       // address space; 0: no limit
    std::uint64_t max_output_bytes = 0;   // of the result
    std::uint32_t concurrency = 0;
    std::vector<std::string> organizations; // by name or id; "*": all
    bool operator==(const ExecCommand&) const = default;
};

struct ExecConfig {
    std::uint32_t grace_seconds = 0;   // between asking a program to end and ending it
    std::vector<ExecCommand> commands; // by name
};

struct BlobsConfig {
    unsigned files_threads = 0;
};

struct Config {
    std::filesystem::path data;   // absolute
    std::filesystem::path socket; // absolute; <data>/admin.sock unless set
    HttpConfig http;
    LogConfig log;
    StoreConfig store;
    JobsConfig jobs;
    RetentionConfig retention;
    InferenceConfig inference;
    ModelsConfig models;
    BlobsConfig blobs;
    ExecConfig exec;
};

using Settings = std::map<std::string, std::string>; // key → text

// Where values come from, the strongest first: flags, environment, file, defaults.
struct Sources {
    Settings flags;
    Settings environment;                      // every variable of the process that starts with MILLRACE_
    std::optional<std::filesystem::path> file; // must exist when given; else default_file(), where there is one
    std::filesystem::path executable;          // where the runtime module is searched from
};

struct Loaded {
    Config config;
    std::map<std::string, std::string> origins; // of every key: "default", "flag", "MILLRACE_DATA", "/etc/x.toml:3"
    std::optional<std::filesystem::path> file;  // the one that was read
    std::vector<std::string> warnings;          // variables that look like settings and are none
    Sources sources;                            // what to load again at SIGHUP
};

// The sources of this process: `flags` and `file` from the command line, the rest from the environment.
Sources process_sources(Settings flags, std::optional<std::filesystem::path> file);

// invalid_argument, with the place and what to write instead in `detail`.
Result<Loaded> load(const Sources& sources);

// What a reload changed. Those that need a restart keep their old effect until then.
struct Change {
    std::string key, from, to;
    bool needs_restart = true;
};
std::vector<Change> differences(const Config& before, const Config& after);

// Every setting as text, in the order of the documented file. The values of a command's environment are left out.
struct Setting {
    std::string key, text;
};
std::vector<Setting> settings(const Config& config);

// $XDG_CONFIG_HOME/millrace/millrace.toml; the packaged unit names /etc/millrace/millrace.toml itself.
std::filesystem::path default_file();
// $XDG_STATE_HOME/millrace or ~/.local/state/millrace; /var/lib/millrace where there is no home.
std::filesystem::path default_data();
// The places libmillrace_torch.so is searched in, the best first.
std::vector<std::filesystem::path> runtime_candidates(const std::filesystem::path& executable);

} // namespace millrace::config
