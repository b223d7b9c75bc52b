#include "cli/jobs/job_batch.hpp"

#include "base/json.hpp"
#include "base/json_text.hpp"
#include "cli/client.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iostream>

namespace millrace::cli {
namespace {

constexpr std::size_t most_jobs = 1000, most_bytes = 15 << 20;

struct Tally {
    std::uint64_t submitted = 0, duplicates = 0, refused = 0;
};

void check(const std::string& line, std::uint64_t number) {
    const auto value = parse_json(line);
    if (!value) throw Failure{failed, fmt::format("line {} is {}", number, value.error().detail)};
    if (!value->is_object())
        throw Failure{failed,
                      fmt::format("line {} is no JSON object; each line is a job: {{\"kind\":\"echo\"}}", number)};
}

void count(Context& context, const json::value& item, std::uint64_t line, Tally& tally) {
    const auto status = member(item, "status");
    if (status == "202") ++tally.submitted;
    else if (status == "200") ++tally.duplicates;
    else ++tally.refused;
    if (context.json) print_raw(context, json_text(item));
    const auto* detail = find(item, {"error", "detail"});
    if (detail && detail->is_string() && !context.json)
        context.err << fmt::format("line {}: {}\n", line, printable(std::string_view{detail->get_string()}));
}

} // namespace

void each_chunk(std::istream& lines, const std::function<void(Chunk)>& send) {
    Chunk chunk;
    const auto flush = [&] {
        if (chunk.lines.empty()) return;
        chunk.body += "]}";
        send(std::exchange(chunk, {}));
    };
    std::uint64_t number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
        check(line, number);
        if (chunk.lines.size() == most_jobs || chunk.body.size() + line.size() > most_bytes) flush();
        chunk.body += (chunk.lines.empty() ? R"({"jobs":[)" : ",") + line;
        chunk.lines.push_back(number);
    }
    if (lines.bad()) throw Failure{failed, "the jobs cannot be read to their end"};
    flush();
}

int submit_batch(Context& context, const std::string& file, const std::string& idempotency_key) {
    std::ifstream opened;
    if (file != "-") {
        opened.open(file, std::ios::binary);
        if (!opened) throw Failure{failed, "cannot read " + file};
    }
    std::error_code unknown;
    const auto bytes = file == "-" ? 0 : std::filesystem::file_size(file, unknown);
    const Client client{context};
    Progress progress{context.err, context.progress, "submitting"};
    Tally tally;
    std::uint64_t calls = 0, sent = 0;
    each_chunk(file == "-" ? std::cin : opened, [&](Chunk chunk) {
        ++calls;
        sent += chunk.body.size();
        Body body;
        body.add_text(std::move(chunk.body));
        Call call{.method = "POST", .target = "/api/v1/jobs/batch", .content_type = "application/json", .body = &body};
        if (!idempotency_key.empty())
            call.headers.emplace_back("Idempotency-Key", fmt::format("{}-{}", idempotency_key, calls));
        const auto answer = client.call(call).json();
        const auto* items = find(answer, {"data"});
        if (!items || !items->is_array() || items->get_array().size() != chunk.lines.size())
            throw Failure{failed, "the daemon's answer is not understood: it has not one entry a job"};
        progress.clear();
        for (std::size_t i = 0; i < chunk.lines.size(); ++i)
            count(context, items->get_array()[i], chunk.lines[i], tally);
        progress.show(bytes == 0 || unknown ? -1 : static_cast<double>(sent) / static_cast<double>(bytes),
                      fmt::format("{} jobs", tally.submitted));
    });
    progress.clear();
    if (!context.json) {
        context.out << tally.submitted << " submitted";
        if (tally.duplicates > 0) context.out << ", " << tally.duplicates << " there already";
        if (tally.refused > 0) context.out << ", " << tally.refused << " refused";
        context.out << '\n';
    }
    return tally.refused > 0 ? failed : done;
}

} // namespace millrace::cli
