// What a measurement of predictions comes to. Pure.
#pragma once
#include "base/json.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::cli {

// What the server says of a prediction.
struct ServerFigures {
    double batch_size = 0, queue_ms = 0, infer_ms = 0;
};

// Reads them from an answer of /predict or from the JSON of an answer of the inference protocol; nullopt when they are not in it.
std::optional<ServerFigures> server_figures(std::string_view answer);

// One request of `batch` items that was answered.
struct Sample {
    double ended = 0;      // seconds since the measurement began
    double latency_ms = 0;
    ServerFigures server;
};

struct Cell {
    std::size_t concurrency = 1, batch = 1; // connections; items a request
    double seconds = 0;                     // that were measured
    std::vector<Sample> samples;
    std::uint64_t errors = 0;
};

struct Figures {
    std::uint64_t requests = 0, errors = 0;
    double per_second = 0; // items
    double mean_ms = 0, p50_ms = 0, p95_ms = 0, p99_ms = 0;
    ServerFigures server;  // means
};

// What ended after the time counts only where nothing ended in it: then the rate is that until the last end.
Figures summarize(const Cell& cell);

// The smallest value of `rising` that at least that share of them does not exceed; 0 of none.
double percentile(const std::vector<double>& rising, double share);

json::object to_json(const Cell& cell);

} // namespace millrace::cli
