#include "values/queue.hpp"

#include "values/job.hpp"

#include <algorithm>

namespace millrace::values {

bool is_queue_name(std::string_view name) {
    const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return !name.empty() && name.size() <= 63 && plain(name[0]) &&
           std::all_of(name.begin(), name.end(), [&](char c) { return plain(c) || c == '_' || c == '-'; });
}

Result<QueueSettings> QueueSettings::from_json(const json::value& value) {
    const auto* object = value.if_object();
    if (!object) return Error{Code::unprocessable, "the settings of a queue are a JSON object: {\"concurrency\":4}"};
    const auto known = only_fields(*object, {"external", "concurrency", "rate", "max_backlog", "retry", "max_attempts",
                                             "priority", "timeout_seconds", "breaker"});
    if (!known) return known.error();
    QueueSettings settings;
    const auto external = boolean_field(*object, "external");
    if (!external) return external.error();
    settings.external = external->value_or(false);
    const auto concurrency = integer_field(*object, "concurrency", 1, 1'000'000);
    if (!concurrency) return concurrency.error();
    if (*concurrency) settings.concurrency = static_cast<std::size_t>(**concurrency);
    const auto rate = number_field(*object, "rate", 0.0001, 1e6);
    if (!rate) return rate.error();
    settings.rate = *rate;
    const auto backlog = integer_field(*object, "max_backlog", 1, 100'000'000);
    if (!backlog) return backlog.error();
    if (*backlog) settings.max_backlog = static_cast<std::size_t>(**backlog);
    if (const auto* retry = field(*object, "retry")) {
        auto policy = RetryPolicy::from_json(*retry);
        if (!policy) return policy.error();
        settings.retry = std::move(*policy);
    }
    const auto attempts = integer_field(*object, "max_attempts", 1, most_attempts);
    if (!attempts) return attempts.error();
    if (*attempts) settings.max_attempts = static_cast<int>(**attempts);
    const auto priority = integer_field(*object, "priority", lowest_priority, highest_priority);
    if (!priority) return priority.error();
    if (*priority) settings.priority = static_cast<int>(**priority);
    const auto timeout = number_field(*object, "timeout_seconds", least_timeout_seconds, most_timeout_seconds);
    if (!timeout) return timeout.error();
    settings.timeout_seconds = *timeout;
    const auto breaker = boolean_field(*object, "breaker");
    if (!breaker) return breaker.error();
    settings.breaker = breaker->value_or(true);
    return settings;
}

json::object QueueSettings::to_json() const {
    json::object object{{"external", external}, {"breaker", breaker}};
    if (concurrency) object["concurrency"] = *concurrency;
    if (rate) object["rate"] = *rate;
    if (max_backlog) object["max_backlog"] = *max_backlog;
    if (retry) object["retry"] = retry->to_json();
    if (max_attempts) object["max_attempts"] = *max_attempts;
    if (priority) object["priority"] = *priority;
    if (timeout_seconds) object["timeout_seconds"] = *timeout_seconds;
    return object;
}

} // namespace millrace::values
