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

// Reads them from an answer of /predict or from the JSON of an answer of the inference protocol; nullopt when they are
// not in it.
std::optional<ServerFigures> server_figures(std::string_view answer);

// One request that was answered.
struct Sample {
    double latency_ms = 0;
    ServerFigures server;
};

// What one connection did, one request after the other.
struct BenchClient {
    double seconds = 0; // from its first request to its last answer
    std::vector<Sample> samples;
    std::uint64_t errors = 0;
};

struct Cell {
    std::size_t batch = 1;            // items a request
    std::vector<BenchClient> clients; // that worked at a time
};

struct Figures {
    std::uint64_t requests = 0, errors = 0;
    double per_second = 0; // items
    double mean_ms = 0, p50_ms = 0, p95_ms = 0, p99_ms = 0;
    ServerFigures server; // means
};

// The rate is the sum of the clients' own: each is measured from an answer to an answer, so that slow requests that
// reach over the end of the time do not make it wrong.
Figures summarize(const Cell& cell);

// The smallest value of `rising` that at least that share of them does not exceed; 0 of none.
double percentile(const std::vector<double>& rising, double share);

json::object to_json(const Cell& cell);

} // namespace millrace::cli
