// What predictions should have been, told afterwards: one word a job, the last one counts. Thread-safe.
#pragma once
#include "async/awaitable.hpp"
#include "base/clock.hpp"
#include "base/id.hpp"
#include "store/database.hpp"
#include "values/principal.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace millrace::models {

struct FeedbackNote {
    JobId job;
    std::string model;
    int version = 0;
    std::optional<std::string> predicted, actual; // labels
    bool correct = false;
    Timestamp at;
};

struct FeedbackCount {
    std::uint64_t count = 0, correct = 0;
    double accuracy() const { return count == 0 ? 0 : static_cast<double>(correct) / static_cast<double>(count); }
};

class Feedback {
public:
    explicit Feedback(store::Database& database) : database_{database} {}

    awaitable<Result<void>> give(values::Principal who, FeedbackNote note);
    // By version.
    awaitable<Result<std::map<int, FeedbackCount>>> count(OrganizationId organization, std::string model);

private:
    store::Database& database_;
};

} // namespace millrace::models
