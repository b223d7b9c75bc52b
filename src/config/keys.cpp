#include "config/keys.hpp"

#include "base/spelling.hpp"
#include "config/exec.hpp"
#include "config/parse.hpp"
#include "config/store_url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>

namespace millrace::config {
namespace {

constexpr std::uint64_t most32 = std::numeric_limits<std::int32_t>::max();
constexpr std::uint64_t most64 = std::numeric_limits<std::int64_t>::max();

template <class T>
Result<void> store(Result<T> value, auto& target) {
    if (!value) return value.error();
    target = static_cast<std::remove_reference_t<decltype(target)>>(*value);
    return success();
}

Result<void> store_path(std::string_view text, std::filesystem::path& target) {
    if (text.find('\0') != std::string_view::npos || (!text.empty() && text.front() != '/'))
        return Error{Code::invalid_argument, "an absolute path"};
    target = std::filesystem::path{text}.lexically_normal();
    if (!target.has_filename() && target.has_parent_path() && target != "/") target = target.parent_path();
    return success();
}

constexpr std::array<std::string_view, 4> level_names{"debug", "info", "warning", "error"};
constexpr std::array<std::string_view, 2> format_names{"logfmt", "json"};

template <class T>
Result<void> store_choice(std::string_view text, std::span<const std::string_view> names, T& target) {
    const auto found = std::find(names.begin(), names.end(), text);
    if (found == names.end()) return Error{Code::invalid_argument, fmt::format("one of {}", fmt::join(names, ", "))};
    target = static_cast<T>(found - names.begin());
    return success();
}

std::string shown(const std::filesystem::path& path) { return path.string(); }
std::string shown(bool truth) { return truth ? "true" : "false"; }
std::string shown(const std::vector<IpNetwork>& networks) {
    std::string out;
    for (const auto& each : networks) out += (out.empty() ? "" : ", ") + each.text();
    return out;
}
std::string shown(std::integral auto number) { return fmt::format("{}", number); }

// SETTER(field, parsed value) and INTEGER(...) keep the table readable: one entry a key.
#define MILLRACE_GET(field) +[](const Config& c) { return shown(c.field); }
#define MILLRACE_INTEGER(field, low, high) \
    +[](Config& c, std::string_view t) { return store(parse_integer(t, low, high), c.field); }, MILLRACE_GET(field)
#define MILLRACE_SIZE(field, low, high) \
    +[](Config& c, std::string_view t) { return store(parse_size(t, low, high), c.field); }, MILLRACE_GET(field)
#define MILLRACE_PATH(field) +[](Config& c, std::string_view t) { return store_path(t, c.field); }, MILLRACE_GET(field)

const std::array table{
    Key{"data", "path", "",
        "Everything that the daemon keeps lives below this folder.\nDefault: $XDG_STATE_HOME/millrace, that is "
        "~/.local/state/millrace.",
        false, true, MILLRACE_PATH(data)},
    Key{"socket", "path", "", "The unix socket of the command line. Default: admin.sock in the data folder.", false,
        true, MILLRACE_PATH(socket)},
    Key{"http.listen", "address", "127.0.0.1:7878",
        "Where the API and the web page are served. Put a TLS proxy in front before listening beyond this machine, and "
        "name it in\n"
        "trusted_proxies.",
        false, true, +[](Config& c, std::string_view t) { return store(parse_endpoint(t), c.http.listen); },
        +[](const Config& c) { return c.http.listen.text(); }},
    Key{"http.io_threads", "number", "0", "Threads that serve connections; 0: one a core.", false, false,
        MILLRACE_INTEGER(http.io_threads, 0, 1024)},
    Key{"http.max_connections", "number", "4096",
        "Connections at once over TCP; one more is answered 503 and closed. Lower where the system gives too few "
        "descriptors.",
        false, false, MILLRACE_INTEGER(http.max_connections, 1, 1'000'000)},
    Key{"http.max_connections_per_address", "number", "0",
        "Connections at once from one address; 0: three quarters of all for this machine itself, 512 for others.\n"
        "Behind a trusted proxy: requests at once of one client.",
        false, false, MILLRACE_INTEGER(http.max_connections_per_address, 0, 1'000'000)},
    Key{"http.trusted_proxies", "list", "",
        "Proxies, by address or network (127.0.0.1, 10.0.0.0/8), whose X-Forwarded-For, X-Forwarded-Proto and "
        "X-Forwarded-Host\n"
        "are believed: the client's address is then the one that limits and the log go by, and the page's cookie is "
        "Secure.\n"
        "Name the TLS proxy here. Default: nobody.",
        false, true, +[](Config& c, std::string_view t) { return store(parse_networks(t), c.http.trusted_proxies); },
        +[](const Config& c) { return shown(c.http.trusted_proxies); }},
    Key{"http.max_body_bytes", "size", "2 GiB", "The largest blob or model taken in one request.", false, true,
        MILLRACE_SIZE(http.max_body_bytes, 1024, most64)},
    Key{"log.level", "one of debug, info, warning, error", "info", "What is logged: debug, info, warning or error.",
        true, true, +[](Config& c, std::string_view t) { return store_choice(t, level_names, c.log.level); },
        +[](const Config& c) { return std::string{level_names[static_cast<std::size_t>(c.log.level)]}; }},
    Key{"log.format", "one of logfmt, json", "logfmt", "How: logfmt for people, json for programs.", false, true,
        +[](Config& c, std::string_view t) { return store_choice(t, format_names, c.log.format); },
        +[](const Config& c) { return std::string{format_names[static_cast<std::size_t>(c.log.format)]}; }},
    Key{"store.url", "URL", "",
        "Where the rows are: a PostgreSQL database (postgres://user@host/database?passfile=/path), or empty for SQLite "
        "in the\ndata folder: docs/postgresql.md.",
        false, true, +[](Config& c, std::string_view t) { return store(parse_store_url(t), c.store.url); },
        +[](const Config& c) { return without_password(c.store.url); }},
    Key{"store.readers", "number", "2", "Threads that run queries beside the one that writes.", false, false,
        MILLRACE_INTEGER(store.readers, 1, 256)},
    Key{"store.queue_capacity", "number", "8192",
        "Writes that may wait for the writer; beyond them requests are answered 503.", false, false,
        MILLRACE_INTEGER(store.queue_capacity, 1, most32)},
    Key{"store.accept_damage", "true or false", "false",
        "Whether to start although the database has lost acknowledged work. Set it for one start, and unset it: "
        "docs/damage.md.",
        false, false, +[](Config& c, std::string_view t) { return store(parse_boolean(t), c.store.accept_damage); },
        MILLRACE_GET(store.accept_damage)},
    Key{"jobs.concurrency", "number", "256", "Jobs that run at once.", false, false,
        MILLRACE_INTEGER(jobs.concurrency, 1, 1'000'000)},
    Key{"jobs.max_backlog", "number", "1000000", "Jobs that may wait; beyond them submits are answered 503.", false,
        false, MILLRACE_INTEGER(jobs.max_backlog, 1, most32)},
    Key{"jobs.ageing_seconds", "number", "60",
        "A job that has waited so long rises by one priority, and by another after each further such time: nothing "
        "starves.",
        false, false, MILLRACE_INTEGER(jobs.ageing_seconds, 1, 86'400)},
    Key{"jobs.min_free_bytes", "size", "64 MiB",
        "Free space in the data folder below which submits are answered 503, and uploads, models and maps 507.", false,
        true, MILLRACE_SIZE(jobs.min_free_bytes, 0, most64)},
    Key{"jobs.max_memory_bytes", "size", "0",
        "Memory of the daemon itself above which submits are answered 503; 0: half of the machine's.", false, true,
        MILLRACE_SIZE(jobs.max_memory_bytes, 0, most64)},
    Key{"jobs.drain_seconds", "number", "20",
        "At shutdown, how long running jobs may take to end; what still runs is queued again.", false, false,
        MILLRACE_INTEGER(jobs.drain_seconds, 0, 3600)},
    Key{"retention.succeeded_days", "number", "0",
        "How long jobs that succeeded are kept, with their results; 0: for good.", false, false,
        MILLRACE_INTEGER(retention.succeeded_days, 0, 36'500)},
    Key{"retention.dead_days", "number", "0", "How long dead letters are kept; 0: until somebody purges them.", false,
        false, MILLRACE_INTEGER(retention.dead_days, 0, 36'500)},
    Key{"retention.cancelled_days", "number", "0", "How long cancelled and expired jobs are kept; 0: for good.", false,
        false, MILLRACE_INTEGER(retention.cancelled_days, 0, 36'500)},
    Key{"retention.prediction_files_hours", "number", "24",
        "How long the files that synchronous predictions bring (maps) are kept, unless a job refers to them; 0: for "
        "good.\n"
        "Those of jobs are kept as long as the job.",
        false, false, MILLRACE_INTEGER(retention.prediction_files_hours, 0, 876'000)},
    Key{"inference.enabled", "true or false", "true", "Whether the inference worker is started.", false, false,
        +[](Config& c, std::string_view t) { return store(parse_boolean(t), c.inference.enabled); },
        MILLRACE_GET(inference.enabled)},
    Key{"inference.runtime", "path", "",
        "The runtime module. Default: libmillrace_torch.so in ../lib/millrace beside the program, in "
        "/usr/lib/millrace,\n"
        "or in the build folder the program lies in.",
        false, true,
        +[](Config& c, std::string_view t) {
            std::filesystem::path path;
            auto result = store_path(t, path);
            c.inference.runtime = path.string();
            return result;
        },
        +[](const Config& c) { return c.inference.runtime; }},
    Key{"inference.threads", "number", "0", "Threads that models run on; 0: one a core.", false, false,
        MILLRACE_INTEGER(inference.threads, 0, 1024)},
    Key{"inference.devices", "list", "auto",
        "The devices that models run on, each with a worker process of its own: cpu, cuda:0, cuda:1 …, separated by "
        "commas.\n"
        "auto: every CUDA device that the machine and the runtime have, with the CPU as a fallback; without one, the "
        "CPU.",
        false, true, +[](Config& c, std::string_view t) { return store(parse_devices(t), c.inference.devices); },
        +[](const Config& c) { return fmt::format("{}", fmt::join(c.inference.devices, ",")); }},
    Key{"inference.model_memory_bytes", "size", "0",
        "Memory that all models loaded on one device may take together: beyond it the one that was used the longest "
        "time ago is\n"
        "unloaded when another is needed; 0: no limit.",
        false, true, MILLRACE_SIZE(inference.model_memory_bytes, 0, most64)},
    Key{"inference.memory_limit_bytes", "size", "0",
        "Memory that the worker process may take; 0: three quarters of the machine's.", false, true,
        MILLRACE_SIZE(inference.memory_limit_bytes, 0, most64)},
    Key{"inference.queue_capacity", "number", "4096", "Inputs that may wait for the worker.", false, false,
        MILLRACE_INTEGER(inference.queue_capacity, 1, most32)},
    Key{"inference.cancel_grace_seconds", "number", "5",
        "How long cancelled or timed out work that is on the device already may go on, before the worker is replaced.",
        false, false, MILLRACE_INTEGER(inference.cancel_grace_seconds, 0, 3600)},
    Key{"inference.load_timeout_seconds", "number", "120",
        "How long a model may take to load and warm up; one that takes longer is refused when it is pushed.", false,
        false, MILLRACE_INTEGER(inference.load_timeout_seconds, 1, 86'400)},
    Key{"inference.quarantine_seconds", "number", "30",
        "How long an input, a model or an organisation that keeps ending workers is refused before one request is let "
        "through to\n"
        "see. Twice as long after each that ends a worker again, an hour at most; 0: nothing is refused.",
        false, false, MILLRACE_INTEGER(inference.quarantine_seconds, 0, 3600)},
    Key{"inference.own_workers", "number", "4",
        "Worker processes for models that get one of their own, on each device: those whose manifest says isolation: "
        "own, and those\n"
        "that ended a worker lately.",
        false, false, MILLRACE_INTEGER(inference.own_workers, 0, 64)},
    Key{"models.trusted_keys", "path", "",
        "Public keys (Ed25519, .pem) of those whose models are taken: a folder of them, or one. A signature that comes "
        "with a\n"
        "model is checked against them. Default: none; signatures are kept, but not checked.",
        false, true, MILLRACE_PATH(models.trusted_keys)},
    Key{"models.require_signature", "true or false", "false",
        "Whether models without a signature by a trusted key are refused, and those that are here already are not "
        "used.",
        false, false,
        +[](Config& c, std::string_view t) { return store(parse_boolean(t), c.models.require_signature); },
        MILLRACE_GET(models.require_signature)},
    Key{"blobs.files_threads", "number", "4", "Threads that read, write and hash files.", false, false,
        MILLRACE_INTEGER(blobs.files_threads, 1, 256)},
    Key{"exec.grace_seconds", "number", "5",
        "How long a command that is to end, because its job was cancelled or timed out, may take; then it is killed.",
        false, false, MILLRACE_INTEGER(exec.grace_seconds, 0, 3600)},
};
#undef MILLRACE_PATH
#undef MILLRACE_SIZE
#undef MILLRACE_INTEGER
#undef MILLRACE_GET

} // namespace

std::span<const Key> keys() { return table; }

const Key* find_key(std::string_view name) {
    const auto found = std::find_if(table.begin(), table.end(), [&](const Key& key) { return key.name == name; });
    return found == table.end() ? nullptr : &*found;
}

std::string environment_name(const Key& key) {
    std::string out = "MILLRACE_";
    for (const char c : key.name) out += c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    return out;
}

std::string_view nearest_key(std::string_view name) {
    const Key* best = nullptr;
    std::size_t least = std::max<std::size_t>(3, name.size() / 3);
    for (const auto& key : table) {
        // A forgotten section counts as near: "listen" for "http.listen".
        const bool tail = key.name.size() > name.size() && key.name.ends_with(name) &&
                          key.name[key.name.size() - name.size() - 1] == '.';
        const auto far = tail ? 0 : distance(name, key.name);
        if (far < least) {
            least = far;
            best = &key;
        }
    }
    return best ? best->name : std::string_view{};
}

std::string documented_file() {
    std::string out =
        "# Millrace settings. Every line that is commented out shows the default. The environment "
        "(MILLRACE_HTTP_LISTEN)\n"
        "# and flags (--set http.listen=...) win over this file. `millrace config check` reads it without starting\n"
        "# anything; `millrace config show --origin` says where each value comes from. SIGHUP reads it again.\n";
    std::string_view section;
    for (const auto& key : table) {
        const auto dot = key.name.find('.');
        const auto its = dot == std::string_view::npos ? std::string_view{} : key.name.substr(0, dot);
        out += '\n';
        if (its != section) fmt::format_to(std::back_inserter(out), "[{}]\n", section = its);
        for (const char c : std::string{"# "} + std::string{key.help}) out += c == '\n' ? "\n# " : std::string{c};
        const auto quote = key.quoted ? "\"" : "";
        fmt::format_to(std::back_inserter(out), "{}\n#{} = {}{}{}\n",
                       key.reloadable ? " Taken over at once by SIGHUP." : "",
                       dot == std::string_view::npos ? key.name : key.name.substr(dot + 1), quote,
                       key.fallback.empty() && key.kind == "path" ? "/path" : key.fallback, quote);
    }
    return out + exec_documentation();
}

} // namespace millrace::config
