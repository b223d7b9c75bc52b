#include "api/live/event_stream.hpp"

#include "api/gate.hpp"
#include "api/live/change_text.hpp"

#include <boost/asio/this_coro.hpp>

#include <fmt/format.h>

namespace millrace::api {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_piece = 32 * 1024; // bytes that are written at once
constexpr auto silence = 15s;                 // then a sign of life goes out
constexpr auto between_checks = 5s;           // of the key or session
constexpr int stored_page = 500;
constexpr std::string_view retry = "retry: 1000\n"; // milliseconds until a browser connects again

struct Past {
    bool known = true; // all that came after is still there
    std::vector<events::Event> events;
};

Past read_past(store::OrganizationSession& tenant, std::int64_t after, bool look_whether_known) {
    Past past;
    if (look_whether_known) {
        const auto span = events::event_span(tenant);
        past.known = after == 0 || (span.first > 0 && span.first <= after);
    }
    past.events = events::events_after(tenant, after, stored_page);
    return past;
}

} // namespace

void EventStream::begin_with(std::string text, FollowedJobs jobs) {
    first_ = std::move(text);
    jobs_ = std::move(jobs);
}

awaitable<void> EventStream::run(http::StreamWriter& writer) {
    const auto begun = co_await send_past(writer);
    if (!begun) co_return;
    auto last_sent = Steady::now();
    for (;;) {
        const auto end = why_it_ends();
        if (!end.empty()) {
            co_await writer.write(notice_text("end", end));
            co_return;
        }
        auto piece = next_piece();
        const auto now = Steady::now();
        if (piece.empty() && now - last_sent >= silence)
            piece = fmt::format(":\nid: {}\n\n", follower_->place().text());
        if (!piece.empty()) {
            const bool sent = co_await writer.write(std::move(piece));
            if (!sent) co_return;
            last_sent = now;
            continue;
        }
        const auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none) co_return;
        const auto until = std::min(last_sent + silence, next_check_) - now;
        co_await follower_->wait(std::chrono::ceil<std::chrono::milliseconds>(until) + 1ms);
    }
}

std::string EventStream::why_it_ends() {
    if (jobs_ && jobs_->ended() && first_.empty()) return "ended";
    if (jobs_ && lost_) return "too_slow"; // it may have missed their ends: it comes again
    if (follower_->closed()) return "stopping";
    if (!still_allowed()) return "unauthenticated";
    return {};
}

bool EventStream::still_allowed() {
    const auto now = Steady::now();
    if (now < next_check_) return true;
    next_check_ = now + between_checks;
    const auto who = authenticate(identity_, request_);
    return who && who->organization == request_.principal.organization && who->role == request_.principal.role;
}

std::string EventStream::next_piece() {
    if (!first_.empty()) return std::exchange(first_, {});
    std::string piece;
    const auto taken = follower_->take(most_piece);
    lost_ = taken.lost;
    if (taken.lost) piece = notice_text("reset", "too_slow", follower_->place().text());
    for (const auto& entry : taken.entries) {
        if (entry->number > 0 && entry->number <= sent_number_) continue;
        if (jobs_ && !jobs_->takes(*entry)) continue;
        piece += entry->text;
    }
    return piece;
}

awaitable<bool> EventStream::send_past(http::StreamWriter& writer) {
    const auto header = request_.header("Last-Event-ID");
    const auto place = events::LivePlace::parse(header);
    const bool goes_on = !header.empty() && !jobs_;
    const bool found = goes_on && place && follower_->resume(*place);
    const bool reads_stored = goes_on && !found && place && follower_->filter().takes_stored();
    std::string begin{retry};
    // While the stored events come, a client that comes again begins with them again: it keeps the id that it has.
    const auto here = reads_stored ? std::string{} : follower_->place().text();
    const bool reset = goes_on && !found && (!place || follower_->filter().takes_unstored());
    if (reset) begin += notice_text("reset", "gone", here);
    else if (!reads_stored) begin += fmt::format("id: {}\n\n", here);
    else begin += '\n';
    const bool sent = co_await writer.write(std::move(begin));
    if (!sent || !reads_stored) co_return sent;
    co_return co_await send_stored(writer, place->number, reset);
}

// Their ids are numbers alone: whoever goes on from one has not been sent the rest of them.
awaitable<bool> EventStream::send_stored(http::StreamWriter& writer, std::int64_t after, bool reset) {
    for (bool first = true, more = true; more; first = false) {
        auto task = [after, first](store::OrganizationSession& tenant) -> Result<Past> {
            return read_past(tenant, after, first);
        };
        const auto past = co_await database_.read(request_.principal.organization, std::move(task));
        if (!past) co_return false; // the client comes again
        std::string piece;
        if (!past->known && !reset) piece = notice_text("reset", "gone");
        for (const auto& event : past->events) {
            after = event.id;
            const auto entry = change_entry(event);
            if (follower_->filter().takes(entry))
                piece += fmt::format("id: {}\nevent: {}\ndata: {}\n\n", event.id, entry.type, entry.data);
        }
        sent_number_ = after;
        more = past->events.size() == stored_page;
        if (!more) piece += fmt::format("id: {}\n\n", follower_->place().text());
        const bool sent = co_await writer.write(std::move(piece));
        if (!sent) co_return false;
    }
    co_return true;
}

} // namespace millrace::api
