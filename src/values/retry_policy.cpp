#include "values/retry_policy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace millrace::values {
namespace {

using std::chrono::milliseconds;

constexpr std::array<std::string_view, 5> backoff_names{"exponential", "linear", "fixed", "list", "polynomial"};
constexpr double most_seconds = 30 * 86'400;
constexpr std::size_t most_entries = 100;

milliseconds from_seconds(double seconds) { return milliseconds{std::llround(seconds * 1000)}; }
double seconds(milliseconds time) { return static_cast<double>(time.count()) / 1000; }
Error wrong(std::string_view what) { return {Code::unprocessable, fmt::format("\"retry\": {}", what)}; }

Result<RetryPolicy::Backoff> read_backoff(std::string_view name) {
    const auto at = std::find(backoff_names.begin(), backoff_names.end(), name);
    if (at == backoff_names.end())
        return wrong(fmt::format("\"backoff\" is one of {}", fmt::join(backoff_names, ", ")));
    return static_cast<RetryPolicy::Backoff>(at - backoff_names.begin());
}

Result<void> read_delays(const json::object& object, RetryPolicy& policy) {
    const auto* value = field(object, "delays_seconds");
    const bool is_list = policy.backoff == RetryPolicy::Backoff::list;
    if (!value)
        return is_list ? Result<void>{wrong("the back-off \"list\" needs \"delays_seconds\": [1, 5, 30]")} : success();
    const auto* list = value->if_array();
    const auto bad =
        wrong("\"delays_seconds\" is a list of 1 to 100 numbers from 0 to 2592000, for the back-off \"list\"");
    if (!is_list || !list || list->empty() || list->size() > most_entries) return bad;
    for (const auto& each : *list) {
        if (!each.is_number() || !(each.to_number<double>() >= 0 && each.to_number<double>() <= most_seconds))
            return bad;
        policy.delays.push_back(from_seconds(each.to_number<double>()));
    }
    return success();
}

Result<void> read_never(const json::object& object, RetryPolicy& policy) {
    const auto* value = field(object, "never");
    if (!value) return success();
    const auto* list = value->if_array();
    const auto bad = wrong("\"never\" is a list of at most 100 error codes such as \"bad_input\"");
    if (!list || list->size() > most_entries) return bad;
    for (const auto& code : *list) {
        if (!code.is_string() || code.get_string().size() > 64) return bad;
        policy.never.emplace_back(code.get_string());
    }
    return success();
}

} // namespace

milliseconds RetryPolicy::planned(int failures) const {
    const double n = std::max(failures, 1);
    double plain = 0;
    switch (backoff) {
    case Backoff::exponential: plain = static_cast<double>(first.count()) * std::pow(factor, n - 1); break;
    case Backoff::linear: plain = static_cast<double>(first.count()) * n; break;
    case Backoff::fixed: plain = static_cast<double>(first.count()); break;
    case Backoff::list:
        plain = delays.empty()
                    ? 0
                    : static_cast<double>(delays[std::min(static_cast<std::size_t>(n), delays.size()) - 1].count());
        break;
    case Backoff::polynomial: plain = (n * n * n * n + 15) * 1000; break;
    }
    return milliseconds{std::llround(std::min(plain, static_cast<double>(longest.count())))};
}

milliseconds RetryPolicy::delay(int failures, std::uint64_t random) const {
    const double unit = static_cast<double>(random >> 11) / static_cast<double>(1ULL << 53); // [0, 1)
    return milliseconds{
        std::llround(static_cast<double>(planned(failures).count()) * (1.0 + jitter * (2.0 * unit - 1.0)))};
}

bool RetryPolicy::retries(std::string_view error_code) const {
    return std::find(never.begin(), never.end(), error_code) == never.end();
}

Result<RetryPolicy> RetryPolicy::from_json(const json::value& value) {
    RetryPolicy policy;
    if (const auto* name = value.if_string()) {
        const auto backoff = read_backoff(*name);
        if (!backoff) return backoff.error();
        if (*backoff == Backoff::list)
            return wrong(
                "the back-off \"list\" needs \"delays_seconds\": {\"backoff\":\"list\",\"delays_seconds\":[1, 5, 30]}");
        policy.backoff = *backoff;
        if (policy.backoff == Backoff::polynomial) policy.longest = from_seconds(most_seconds);
        return policy;
    }
    const auto* object = value.if_object();
    if (!object)
        return wrong("an object such as {\"backoff\":\"fixed\",\"first_seconds\":10}, or the name of a back-off");
    if (auto known = only_fields(*object, {"backoff", "first_seconds", "factor", "longest_seconds", "jitter",
                                           "delays_seconds", "never"});
        !known)
        return wrong(known.error().detail);
    const auto name = string_field(*object, "backoff", 32);
    if (!name) return name.error();
    const auto backoff = read_backoff(name->value_or("exponential"));
    if (!backoff) return backoff.error();
    policy.backoff = *backoff;
    if (policy.backoff == Backoff::polynomial || policy.backoff == Backoff::list)
        policy.longest = from_seconds(most_seconds);
    const auto first = number_field(*object, "first_seconds", 0, most_seconds);
    if (!first) return first.error();
    if (*first) policy.first = from_seconds(**first);
    const auto factor = number_field(*object, "factor", 1, 100);
    if (!factor) return factor.error();
    policy.factor = factor->value_or(policy.factor);
    const auto longest = number_field(*object, "longest_seconds", 0, most_seconds);
    if (!longest) return longest.error();
    if (*longest) policy.longest = from_seconds(**longest);
    const auto jitter = number_field(*object, "jitter", 0, 1);
    if (!jitter) return jitter.error();
    policy.jitter = jitter->value_or(policy.jitter);
    if (auto done = read_delays(*object, policy); !done) return done.error();
    if (auto done = read_never(*object, policy); !done) return done.error();
    return policy;
}

json::value RetryPolicy::to_json() const {
    json::object object{{"backoff", backoff_names[static_cast<std::size_t>(backoff)]},
                        {"first_seconds", seconds(first)},
                        {"factor", factor},
                        {"longest_seconds", seconds(longest)},
                        {"jitter", jitter}};
    if (!delays.empty()) {
        auto& list = object["delays_seconds"].emplace_array();
        for (const auto delay : delays) list.emplace_back(seconds(delay));
    }
    if (!never.empty()) object["never"] = json::array(never.begin(), never.end());
    return object;
}

} // namespace millrace::values
