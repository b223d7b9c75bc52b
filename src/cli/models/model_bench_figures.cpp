#include "cli/models/model_bench_figures.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>

namespace millrace::cli {
namespace {

// The number behind `name`, quotes and colon included: of a name that comes last in the answer, for a label before it
// might look the same.
std::optional<double> number_behind(std::string_view answer, std::string_view name) {
    const auto at = answer.rfind(name);
    if (at == std::string_view::npos) return std::nullopt;
    const std::string text{answer.substr(at + name.size(), 32)};
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    return end == text.c_str() ? std::nullopt : std::optional{value};
}

double mean(const std::vector<Sample>& samples, double (*of)(const Sample&)) {
    if (samples.empty()) return 0;
    return std::accumulate(samples.begin(), samples.end(), 0.0,
                           [&](double sum, const Sample& each) { return sum + of(each); }) /
           static_cast<double>(samples.size());
}

double rounded(double value) { return std::round(value * 1000) / 1000; }

} // namespace

std::optional<ServerFigures> server_figures(std::string_view answer) {
    const auto batch = number_behind(answer, "\"batch_size\":"), queue = number_behind(answer, "\"queue_ms\":"),
               infer = number_behind(answer, "\"infer_ms\":");
    if (!batch || !queue || !infer) return std::nullopt;
    return ServerFigures{*batch, *queue, *infer};
}

double percentile(const std::vector<double>& rising, double share) {
    if (rising.empty()) return 0;
    const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(rising.size())));
    return rising[std::clamp<std::size_t>(rank, 1, rising.size()) - 1];
}

Figures summarize(const Cell& cell) {
    Figures figures{.server = {}};
    std::vector<Sample> samples;
    for (const auto& client : cell.clients) {
        samples.insert(samples.end(), client.samples.begin(), client.samples.end());
        figures.errors += client.errors;
        if (client.seconds > 0)
            figures.per_second += static_cast<double>(client.samples.size() * cell.batch) / client.seconds;
    }
    figures.requests = samples.size();
    std::vector<double> latencies;
    latencies.reserve(samples.size());
    for (const auto& each : samples) latencies.push_back(each.latency_ms);
    std::sort(latencies.begin(), latencies.end());
    figures.mean_ms = mean(samples, [](const Sample& each) { return each.latency_ms; });
    figures.p50_ms = percentile(latencies, 0.50);
    figures.p95_ms = percentile(latencies, 0.95);
    figures.p99_ms = percentile(latencies, 0.99);
    figures.server = {mean(samples, [](const Sample& each) { return each.server.batch_size; }),
                      mean(samples, [](const Sample& each) { return each.server.queue_ms; }),
                      mean(samples, [](const Sample& each) { return each.server.infer_ms; })};
    return figures;
}

json::object to_json(const Cell& cell) {
    const auto figures = summarize(cell);
    return {{"concurrency", cell.clients.size()},
            {"batch", cell.batch},
            {"requests", figures.requests},
            {"errors", figures.errors},
            {"per_second", rounded(figures.per_second)},
            {"latency_ms",
             {{"mean", rounded(figures.mean_ms)},
              {"p50", rounded(figures.p50_ms)},
              {"p95", rounded(figures.p95_ms)},
              {"p99", rounded(figures.p99_ms)}}},
            {"batch_size", rounded(figures.server.batch_size)},
            {"queue_ms", rounded(figures.server.queue_ms)},
            {"infer_ms", rounded(figures.server.infer_ms)}};
}

} // namespace millrace::cli
