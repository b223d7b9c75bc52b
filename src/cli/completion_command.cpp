#include "base/version.hpp"
#include "cli/commands.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <ostream>

namespace millrace::cli {
namespace {

// A command as the generators need it.
struct Entry {
    std::string path, help, footer; // path: "millrace job submit"
    std::vector<const CLI::App*> children;
    std::vector<const CLI::Option*> options; // with dashes
    std::vector<const CLI::Option*> positionals;
    bool leaf() const { return children.empty(); }
};

void collect(const CLI::App& app, const std::string& path, std::vector<Entry>& out) {
    Entry entry{path, app.get_description(), app.get_footer(), {}, {}, {}};
    for (const auto* option : app.get_options())
        (option->nonpositional() ? entry.options : entry.positionals).push_back(option);
    for (const auto* child : app.get_subcommands([](const CLI::App* each) { return !each->get_group().empty(); }))
        entry.children.push_back(child);
    const auto children = entry.children;
    out.push_back(std::move(entry));
    for (const auto* child : children) collect(*child, path + ' ' + child->get_name(), out);
}

std::string option_words(const Entry& entry) {
    std::string out;
    for (const auto* option : entry.options)
        for (const auto& name : option->get_lnames()) out += (out.empty() ? "--" : " --") + name;
    return out;
}

std::string child_words(const Entry& entry) {
    std::string out;
    for (const auto* child : entry.children) out += (out.empty() ? "" : " ") + child->get_name();
    if (entry.path == "millrace completion") out = "bash zsh fish";
    return out;
}

// One shell function for bash and zsh: finds the command that the words before the cursor make, and offers its
// subcommands or options.
std::string cases(const std::vector<Entry>& entries) {
    std::string out = "    for word in \"${words_before[@]}\"; do\n        case \"$at $word\" in\n            ";
    for (std::size_t i = 1; i < entries.size(); ++i) out += (i > 1 ? "|" : "") + ('"' + entries[i].path + '"');
    out += ") at=\"$at $word\" ;;\n        esac\n    done\n    case \"$at\" in\n";
    for (const auto& entry : entries)
        out += fmt::format("        \"{}\") children=\"{}\"; options=\"{}\" ;;\n", entry.path, child_words(entry),
                           option_words(entry));
    out += fmt::format("    esac\n    options=\"$options {}\"\n", option_words(entries.front()));
    return out;
}

std::string bash(const std::vector<Entry>& entries) {
    return "# bash completion for millrace; made by: millrace completion bash\n"
           "_millrace() {\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} at=millrace word children= options=\n"
           "    local words_before=(\"${COMP_WORDS[@]:1:COMP_CWORD-1}\")\n" +
           cases(entries) +
           "    if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
           "    elif [[ -n $children ]]; then COMPREPLY=($(compgen -W \"$children\" -- \"$cur\"))\n"
           "    else COMPREPLY=(); fi\n"
           "}\n"
           "complete -o default -F _millrace millrace\n";
}

std::string zsh(const std::vector<Entry>& entries) {
    return "#compdef millrace\n"
           "# zsh completion for millrace; made by: millrace completion zsh\n"
           "_millrace() {\n"
           "    local cur=${words[CURRENT]} at=millrace word children= options=\n"
           "    local -a words_before=(\"${(@)words[2,CURRENT-1]}\")\n" +
           cases(entries) +
           "    if [[ $cur == -* ]]; then compadd -- ${=options}\n"
           "    elif [[ -n $children ]]; then compadd -- ${=children}\n"
           "    else _files; fi\n"
           "}\n"
           "if [[ $funcstack[1] == _millrace ]]; then _millrace \"$@\"; else compdef _millrace millrace; fi\n";
}

std::string fish_quoted(std::string text) {
    for (std::size_t at = 0; (at = text.find_first_of("'\\", at)) != std::string::npos; at += 2) text.insert(at, "\\");
    return '\'' + text + '\'';
}

std::string fish(const std::vector<Entry>& entries) {
    std::string out = "# fish completion for millrace; made by: millrace completion fish\n"
                      "function __millrace_at\n"
                      "    set -l at millrace\n"
                      "    for word in (commandline -opc)[2..-1]\n"
                      "        switch \"$at $word\"\n"
                      "            case";
    for (std::size_t i = 1; i < entries.size(); ++i) out += ' ' + fish_quoted(entries[i].path);
    out += "\n                set at \"$at $word\"\n        end\n    end\n    test \"$at\" = \"$argv[1]\"\nend\n";
    for (const auto& entry : entries) {
        const auto condition = fish_quoted("__millrace_at " + fish_quoted(entry.path));
        for (const auto* child : entry.children)
            out += fmt::format("complete -c millrace -f -n {} -a {} -d {}\n", condition, child->get_name(),
                               fish_quoted(child->get_description()));
        if (entry.path == "millrace completion")
            out += fmt::format("complete -c millrace -f -n {} -a 'bash zsh fish'\n", condition);
        for (const auto* option : entry.options)
            for (const auto& name : option->get_lnames())
                out += fmt::format("complete -c millrace -n {} -l {} -d {}{}\n", condition, name,
                                   fish_quoted(option->get_description()),
                                   option->get_items_expected_max() > 0 ? " -r" : "");
    }
    return out;
}

// Text in roff: no line may begin with a dot or quote, backslashes and dashes are written as they are meant.
std::string roff(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\\') out += "\\e";
        else if (c == '-') out += "\\-";
        else if ((c == '.' || c == '\'') && (i == 0 || text[i - 1] == '\n')) (out += "\\&") += c;
        else out += c;
    }
    return out;
}

std::string manual(const std::vector<Entry>& entries) {
    std::string out =
        fmt::format(".TH MILLRACE 1 \"\" \"millrace {}\" \"User Commands\"\n.SH NAME\nmillrace \\- {}\n"
                    ".SH SYNOPSIS\n.B millrace\n.I COMMAND\n[\\fIOPTIONS\\fR]\n.SH DESCRIPTION\n"
                    "One daemon that keeps jobs, runs them on this machine and serves models, and the commands that\n"
                    "talk to it over its admin socket.\n.PP\n.nf\n{}\n.fi\n",
                    version(), "durable jobs and model inference on this machine", roff(entries.front().footer));
    const auto option_list = [&](const Entry& entry) {
        for (const auto* option : entry.positionals)
            out += fmt::format(".TP\n\\fI{}\\fR\n{}\n", roff(option->get_name(true)), roff(option->get_description()));
        for (const auto* option : entry.options) {
            if (option->get_lnames() == std::vector<std::string>{"help"} && &entry != &entries.front()) continue;
            out += fmt::format(".TP\n\\fB{}\\fR{}\n{}\n", roff(option->get_name(false, true)),
                               option->get_type_name().empty() || option->get_items_expected_max() == 0
                                   ? ""
                                   : " \\fI" + roff(option->get_type_name()) + "\\fR",
                               roff(option->get_description()));
        }
    };
    out += ".SH OPTIONS\n";
    option_list(entries.front());
    out += ".SH COMMANDS\n";
    for (std::size_t i = 1; i < entries.size(); ++i) {
        if (!entries[i].leaf()) continue;
        out += fmt::format(".SS {}\n{}\n", roff(entries[i].path), roff(entries[i].help));
        option_list(entries[i]);
        const auto examples = entries[i].footer.substr(0, entries[i].footer.find(reminder));
        if (!examples.empty())
            out += fmt::format(".PP\n.nf\n{}\n.fi\n", roff(examples.substr(0, examples.find_last_not_of('\n') + 1)));
    }
    out += ".SH FILES\n"
           ".TP\n/etc/millrace/millrace.toml\nConfiguration of the packaged service.\n"
           ".TP\n/var/lib/millrace\nData of the packaged service.\n"
           ".TP\n/run/millrace/admin.sock\nAdmin socket of the packaged service.\n"
           ".TP\n~/.local/state/millrace\nData of a daemon that a user runs.\n"
           ".SH SEE ALSO\n.BR systemctl (1),\n.BR journalctl (1)\n";
    return out;
}

} // namespace

void add_completion(CLI::App& app, Context& context) {
    auto shell = std::make_shared<std::string>(); // shared with the callback, which the app copies
    auto* command = app.add_subcommand("completion", "Print the completion script of a shell");
    command->add_option("shell", *shell, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}))
        ->type_name("");
    command->footer("Examples:\n"
                    "  source <(millrace completion bash)\n"
                    "  millrace completion fish > ~/.config/fish/completions/millrace.fish");
    command->callback([&app, &context, shell] {
        context.action = [&app, &context, shell] {
            std::vector<Entry> entries;
            collect(app, "millrace", entries);
            context.out << (*shell == "bash" ? bash(entries) : *shell == "zsh" ? zsh(entries) : fish(entries));
            return static_cast<int>(done);
        };
    });
    // For the packages' build; hidden because people have `man millrace`.
    app.add_subcommand("man", "Write the manual page in roff")->group("")->callback([&app, &context] {
        context.action = [&app, &context] {
            std::vector<Entry> entries;
            collect(app, "millrace", entries);
            context.out << manual(entries);
            return static_cast<int>(done);
        };
    });
}

} // namespace millrace::cli
