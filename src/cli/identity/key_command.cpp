#include "base/json_text.hpp"
#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>
#include <ostream>

namespace millrace::cli {
namespace {

struct CreateOptions {
    std::string name, role, expires;
    int weight = 0;
};

// RFC 3339, or a number of days: 30d.
std::string expiry(const std::string& text) {
    if (Timestamp::parse(text)) return text;
    const auto digits = text.ends_with('d') ? text.substr(0, text.size() - 1) : std::string{};
    if (digits.empty() || digits.size() > 5 || digits.find_first_not_of("0123456789") != std::string::npos)
        throw Failure{
            usage, fmt::format("--expires takes days, such as 30d, or a time, such as 2027-01-01T00:00:00Z, not \"{}\"",
                               text)};
    return (SystemClock::instance().now() + std::chrono::hours{24 * std::stoi(digits)}).text();
}

int create(Context& context, const CreateOptions& options) {
    json::object wanted{{"name", options.name}, {"role", options.role}};
    if (!options.expires.empty()) wanted["expires_at"] = expiry(options.expires);
    if (options.weight > 0) wanted["weight"] = options.weight;
    const auto reply = Client{context}.post_json("/api/v1/keys", wanted);
    if (context.json) {
        print_raw(context, reply.body);
        return done;
    }
    const auto key = reply.json();
    context.out << member(key, "key") << '\n';
    context.out.flush();
    context.err << fmt::format("This is the only time the key is shown. It has the role {} and the id {}.\n"
                               "  curl -H 'Authorization: Bearer KEY' ...\n",
                               member(key, "role"), member(key, "id"));
    return done;
}

int list(Context& context) {
    const auto reply = Client{context}.call({.target = "/api/v1/keys"});
    if (context.json) {
        print_raw(context, reply.body);
        return done;
    }
    const auto now = SystemClock::instance().now();
    Table table{{{.title = "ID"},
                 {.title = "NAME", .elastic = true},
                 {.title = "ROLE"},
                 {.title = "WEIGHT", .align = Table::Align::right},
                 {.title = "AGE", .align = Table::Align::right},
                 {.title = "LAST USED", .align = Table::Align::right},
                 {.title = "EXPIRES", .align = Table::Align::right},
                 {.title = "STATE", .is_state = true}}};
    const auto page = reply.json();
    if (const auto* data = find(page, {"data"}); data && data->is_array())
        for (const auto& key : data->get_array()) {
            const auto expires = Timestamp::parse(member(key, "expires_at"));
            const char* state = find(key, {"revoked_at"})   ? "revoked"
                                : expires && *expires < now ? "expired"
                                                            : "active";
            table.row({member(key, "id"), member(key, "name"), member(key, "role"), member(key, "weight"),
                       age(key, "created_at", now), age(key, "last_used_at", now), age(key, "expires_at", now), state});
        }
    if (table.empty()) context.err << "no keys yet: millrace key create --name me --role admin\n";
    else table.print(context);
    return done;
}

int revoke(Context& context, const std::string& id) {
    Client{context}.call({.method = "DELETE", .target = "/api/v1/keys/" + encoded(id)});
    if (context.json) print_raw(context, json_text(json::object{{"id", id}, {"revoked", true}}));
    else context.out << id << "  revoked\n";
    return done;
}

} // namespace

void add_key(CLI::App& app, Context& context) {
    auto* group = app.add_subcommand("key", "Create, list and revoke the keys that the API and the web page take");
    group->require_subcommand(1, 1);

    auto options = std::make_shared<CreateOptions>(); // shared with the callback, which the app copies
    auto* create_command = group->add_subcommand("create", "Create a key and print it, this once");
    create_command->add_option("--name", options->name, "What it is for")->required()->type_name("NAME");
    create_command
        ->add_option("--role", options->role,
                     "viewer, submitter, operator or admin; each may do what those before it may")
        ->required()
        ->check(CLI::IsMember({"viewer", "submitter", "operator", "admin"}))
        ->type_name("ROLE");
    create_command
        ->add_option("--expires", options->expires, "In so many days (30d) or at a time (RFC 3339); never unless given")
        ->type_name("WHEN");
    create_command
        ->add_option("--weight", options->weight, "Its share of the queue while others wait too, 1 to 100 (1)")
        ->check(CLI::Range(1, 100))
        ->type_name("N")
        ->default_str("");
    create_command->footer("Examples:\n"
                           "  millrace key create --name me --role admin\n"
                           "  millrace key create --name camera-7 --role submitter --expires 365d --json | jq -r .key");
    create_command->callback(
        [&context, options] { context.action = [&context, options] { return create(context, *options); }; });

    auto* list_command = group->add_subcommand("list", "List keys, without their secrets");
    list_command->footer("Examples:\n  millrace key list");
    list_command->callback([&context] { context.action = [&context] { return list(context); }; });

    auto id = std::make_shared<std::string>();
    auto* revoke_command = group->add_subcommand("revoke", "End a key at once and for good");
    revoke_command->add_option("id", *id, "Id of the key")->required()->type_name("");
    revoke_command->footer("Examples:\n  millrace key revoke 0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55");
    revoke_command->callback([&context, id] { context.action = [&context, id] { return revoke(context, *id); }; });
}

} // namespace millrace::cli
