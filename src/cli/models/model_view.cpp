#include "cli/models/model_view.hpp"

#include "base/json_text.hpp"

#include <fmt/format.h>

#include <ostream>

namespace millrace::cli {
namespace {

std::string accuracy_of(const json::value& version) {
    const auto* held_out = find(version, {"accuracy", "held_out"});
    return held_out && held_out->is_number() ? fmt::format("{:.1f}%", held_out->to_number<double>() * 100) : "-";
}

std::string size_of(const json::value& version) {
    const auto* size = find(version, {"size"});
    return size && size->is_number() ? size_text(size->to_number<std::uint64_t>()) : "-";
}

bool is_null(const json::value& object, std::string_view name) {
    const auto* value = find(object, {name});
    return !value || value->is_null();
}

std::string trial_of(const json::value& version) {
    if (is_null(version, "trial")) return "none: there was no runtime when it was pushed";
    const auto& trial = version.at("trial");
    auto text = fmt::format("loaded in {:.0f} ms, one forward pass {:.2f} ms, {}, {}", number_at(trial, {"load_ms"}),
                            number_at(trial, {"forward_ms"}),
                            size_text(static_cast<std::uint64_t>(number_at(trial, {"memory_bytes"}))),
                            member(trial, "optimization"));
    if (const auto threads = number_at(trial, {"threads"}); threads > 0)
        text += fmt::format(", {} × {:.0f} thread{}", member(trial, "instances"), threads, threads == 1 ? "" : "s");
    if (const auto runtime = text_at(trial, {"runtime"}); runtime != "-" && !runtime.empty()) text += ", " + runtime;
    if (const auto note = text_at(trial, {"note"}); note != "-" && !note.empty()) text += "; " + note;
    return text;
}

std::string signer_of(const json::value& version) {
    if (!is_null(version, "signed_by")) return "by key " + member(version, "signed_by");
    return is_null(version, "signature") ? "no" : "yes, by a key that this daemon does not know";
}

std::string loaded_of(const json::value& version, Timestamp now) {
    const auto* loaded = find(version, {"loaded"});
    if (!loaded) return "-";
    auto text = member(*loaded, "state");
    if (const auto bytes = number_at(*loaded, {"memory_bytes"}); bytes > 0)
        text += ", " + size_text(static_cast<std::uint64_t>(bytes));
    if (const auto* own = find(*loaded, {"own_worker"}); own && *own == json::value(true))
        text += ", in a worker of its own";
    if (!is_null(*loaded, "used_at")) text += ", used " + ago(*loaded, "used_at", now);
    if (!is_null(*loaded, "reason")) text += ": " + member(*loaded, "reason");
    return text;
}

// Empty: it is not refused.
std::string quarantine_of(const json::value& version) {
    const auto* held = find(version, {"loaded", "quarantine"});
    if (!held || !held->is_array()) return {};
    std::string text;
    for (const auto& each : held->get_array())
        text += fmt::format("{}{} ended {} workers; next try at {}", text.empty() ? "" : ", ",
                            member(each, "kind") == "input" ? "input " + member(each, "input").substr(0, 12) : "it",
                            member(each, "workers_ended"), member(each, "until"));
    return text;
}

double mean(const json::value& statistics, std::string_view duration) {
    const auto count = number_at(statistics, {duration, "count"});
    return count > 0 ? number_at(statistics, {duration, "ms"}) / count : 0;
}

std::string work_of(const json::value& statistics) {
    const auto rows = number_at(statistics, {"inference_count"});
    if (rows == 0 && number_at(statistics, {"failure", "count"}) == 0) return "none since the start";
    return fmt::format("{:.0f} inputs in {:.0f} passes ({:.1f} each), {:.0f} failed, {:.0f} waiting; {:.2f} ms in the "
                       "queue, {:.2f} ms forward",
                       rows, number_at(statistics, {"execution_count"}), number_at(statistics, {"mean_batch"}),
                       number_at(statistics, {"failure", "count"}), number_at(statistics, {"pending"}),
                       mean(statistics, "queue"), mean(statistics, "compute_infer"));
}

std::string cache_of(const json::value& version, const json::value& statistics) {
    const auto* seconds = find(version, {"manifest", "cache", "seconds"});
    if (!seconds || seconds->is_null()) return "off";
    const auto hits = number_at(statistics, {"cache", "hits"}), misses = number_at(statistics, {"cache", "misses"});
    return fmt::format("{} s; {:.0f} of {:.0f} answered from it ({:.1f}%)", json_text(*seconds), hits, hits + misses,
                       number_at(statistics, {"cache", "hit_rate"}) * 100);
}

std::string accuracy_line(const json::value& version) {
    const auto* accuracy = find(version, {"accuracy"});
    if (!accuracy || accuracy->is_null()) return "not told";
    auto text = fmt::format("{} ({}, {} samples)", accuracy_of(version), member(*accuracy, "metric"),
                            member(*accuracy, "samples"));
    if (const auto note = text_at(*accuracy, {"note"}); note != "-" && !note.empty()) text += "; " + note;
    return text;
}

} // namespace

void add_version_rows(Table& table, const json::value& model, Timestamp now) {
    const auto* versions = find(model, {"versions"});
    if (!versions || !versions->is_array()) return;
    for (const auto& version : versions->get_array()) {
        const auto number = member(version, "version");
        table.row({member(model, "name") + "/" + number, number == member(model, "production") ? "production" : "",
                   member(version, "state"), member(version, "task"), accuracy_of(version), size_of(version),
                   age(version, "created_at", now), member(version, "description")});
    }
}

Table version_table() {
    return Table{{{.title = "MODEL"},
                  {.title = "USE"},
                  {.title = "STATE", .is_state = true},
                  {.title = "TASK", .elastic = true},
                  {.title = "ACCURACY", .align = Table::Align::right},
                  {.title = "SIZE", .align = Table::Align::right},
                  {.title = "AGE", .align = Table::Align::right},
                  {.title = "DESCRIPTION", .elastic = true}}};
}

void print_version(std::ostream& out, const json::value& model, const json::value& version,
                   const json::value& statistics, Timestamp now) {
    const auto number = member(version, "version");
    const auto line = [&out](std::string_view what, const std::string& text) {
        out << fmt::format("  {:<9} {}\n", what, printable(text));
    };
    out << printable(member(model, "name")) << '/' << number
        << (number == member(model, "production") ? "  production" : "") << '\n';
    const auto reason = is_null(version, "reason") ? std::string{} : ": " + member(version, "reason");
    line("state", member(version, "state") + reason);
    line("file",
         fmt::format("{}, {}, sha256 {}", member(version, "format"), size_of(version), member(version, "sha256")));
    if (const auto* files = find(version, {"files"}); files && files->is_array())
        for (const auto& file : files->get_array())
            line("beside it",
                 fmt::format("{}, {}, sha256 {}", member(file, "name"), size_of(file), member(file, "sha256")));
    line("pushed", ago(version, "created_at", now));
    line("signed", signer_of(version));
    line("accuracy", accuracy_line(version));
    line("trial", trial_of(version));
    line("loaded", loaded_of(version, now));
    if (const auto held = quarantine_of(version); !held.empty()) line("held", held + "; millrace model load lifts it");
    if (statistics.is_null()) return;
    line("work", work_of(statistics));
    line("cache", cache_of(version, statistics));
}

} // namespace millrace::cli
