#include "jobs/sweeper.hpp"

#include "events/event_log.hpp"
#include "jobs/job_repository.hpp"

#include <algorithm>

namespace millrace::jobs {
namespace {

using store::SystemSession;

constexpr auto request_memory = std::chrono::hours{48}; // of idempotency keys
constexpr auto event_memory = std::chrono::hours{24 * 30};
constexpr int rows_of_a_piece = 500; // of each kind, in one transaction
constexpr int most_folded = 100'000; // totals of one round

} // namespace

// An hour of a busy service leaves a million keys.
awaitable<bool> Sweeper::forget_keys_and_events() {
    auto forget = [at = clock_.now()](SystemSession& session) -> Result<std::int64_t> {
        return std::max({job_repository::forget_requests(session, at - request_memory, rows_of_a_piece),
                         job_repository::forget_unique(session, at, rows_of_a_piece),
                         events::forget_events(session, at - event_memory, rows_of_a_piece)});
    };
    const auto most = co_await database_.write(std::move(forget));
    co_return most&&* most == rows_of_a_piece;
}

// Found on a reader, for it goes through all of them; added up in pieces.
awaitable<bool> Sweeper::fold_totals() {
    if (surplus_.empty()) {
        auto find = [](SystemSession& session) -> Result<std::vector<total_repository::Key>> {
            return total_repository::surplus(session, total_repository::most_rows, most_folded);
        };
        auto found = co_await database_.read(std::move(find), store::ReadTime::unlimited);
        if (found) surplus_ = std::move(*found);
        co_return !surplus_.empty();
    }
    const auto size = std::min<std::size_t>(surplus_.size(), rows_of_a_piece);
    const auto first = surplus_.end() - static_cast<std::ptrdiff_t>(size);
    auto fold = [piece = std::vector(first, surplus_.end())](SystemSession& session) -> Result<void> {
        total_repository::fold(session, piece);
        return success();
    };
    const auto done = co_await database_.write(std::move(fold));
    if (done) surplus_.erase(first, surplus_.end());
    co_return done && !surplus_.empty();
}

} // namespace millrace::jobs
