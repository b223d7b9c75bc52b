// What the commands of `millrace db` ask of the store itself, beside a daemon or without one. Given by main: this room
// knows no database.
#pragma once
#include "base/json.hpp"
#include "config/config.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace millrace::cli {

struct MoveOrder {
    std::string to, from; // as typed: postgres://…, or sqlite:DIR; `from` may be empty
    bool dry_run = false, stop = false;
    std::int64_t chunk_rows = 10'000;
};

struct StoreTools {
    using Watch = std::function<void(const std::string& step, double fraction)>; // fraction 0…1; negative: unknown

    // What came of it (app/store_tools.cpp).
    std::function<Result<json::object>(const config::Loaded&, const MoveOrder&, const Watch&)> move;
    // `check`: look at every page, where the driver can.
    std::function<Result<json::object>(const config::Loaded&, bool check)> status;
};

} // namespace millrace::cli
