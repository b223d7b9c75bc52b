// How an answer leaves: small ones with one system call, files in pieces from the files pool, streams in chunks.
#include "http/file_reading.hpp"
#include "http/session.hpp"

#include <charconv>

namespace millrace::http {
namespace {

// Writes each piece as one chunk, or as it is to an HTTP/1.0 client.
class ChunkWriter final : public StreamWriter {
public:
    ChunkWriter(Connection& connection, const Shared& shared, std::string& head, bool chunked, std::uint64_t& sent)
        : connection_{&connection},
          shared_{&shared},
          head_{&head},
          chunked_{chunked},
          sent_{&sent} {}

    awaitable<bool> write(std::string piece) override {
        if (broken_ || stopping()) co_return false;
        if (piece.empty()) co_return true;
        const auto size = piece.size();
        if (chunked_) {
            char digits[20];
            const auto end = std::to_chars(digits, digits + sizeof digits, size, 16).ptr;
            head_->append(digits, end).append("\r\n");
            piece.append("\r\n");
        }
        broken_ = !co_await connection_->write(*head_, piece, shared_->limits.write_stall);
        head_->clear(); // it held the answer's header before the first piece
        *sent_ += size;
        co_return !broken_;
    }
    bool stopping() const override { return shared_->stopping.load(std::memory_order_relaxed); }

    awaitable<bool> finish() {
        if (broken_) co_return false;
        if (chunked_) head_->append("0\r\n\r\n");
        co_return co_await connection_->write(*head_, {}, shared_->limits.write_stall);
    }

private:
    Connection* connection_;
    const Shared* shared_;
    std::string* head_;
    bool chunked_, broken_ = false;
    std::uint64_t* sent_;
};

} // namespace

HeadOptions Session::head_options() const {
    HeadOptions options;
    options.request_id = request_.id;
    options.keep_alive = keep_alive_;
    options.say_keep_alive = version_ == 10;
    return options;
}

void Session::begin_head(const Response& response, const HeadOptions& options) {
    out_.clear();
    append_head(out_, response, options);
}

awaitable<bool> Session::hand_over(Response& response) {
    const auto take_back = std::exchange(response.undelivered, nullptr);
    const bool sent = !left_ && !connection_.peer_left() && co_await send(response);
    if (!sent) take_back();
    co_return sent;
}

awaitable<bool> Session::send(Response& response) {
    if (auto* text = std::get_if<std::string>(&response.body)) co_return co_await send_text(response, *text);
    if (auto* file = std::get_if<FileBody>(&response.body)) {
        auto taken = std::move(*file);
        co_return co_await send_file(response, std::move(taken));
    }
    if (auto* upgrade = std::get_if<Upgrade>(&response.body)) {
        auto taken = std::move(*upgrade);
        co_return co_await send_upgrade(response, std::move(taken));
    }
    const auto stream = std::move(std::get<StreamBody>(response.body));
    co_return co_await send_stream(response, stream);
}

awaitable<bool> Session::send_text(const Response& response, std::string_view body) {
    auto options = head_options();
    options.length = body.size();
    begin_head(response, options);
    if (request_.method == Verb::head || has_no_body(response.status)) body = {};
    bool failed = false;
    const auto n = connection_.write_now(out_, body, failed);
    if (failed) co_return false;
    sent_ = body.size();
    if (n == out_.size() + body.size()) co_return true;
    const auto of_head = std::min(n, out_.size());
    const auto head_left = std::string_view{out_}.substr(of_head), body_left = body.substr(n - of_head);
    co_return co_await connection_.write(head_left, body_left, shared_->limits.write_stall);
}

awaitable<bool> Session::send_file(Response& response, FileBody file) {
    const auto length = file.length();
    auto options = head_options();
    options.length = length;
    if (request_.method == Verb::head || has_no_body(response.status) || length == 0) {
        begin_head(response, options);
        co_return co_await connection_.write(out_, {}, shared_->limits.write_stall);
    }
    // Shared: a files thread may be reading still when the session's frame is destroyed with its io_context.
    const auto reading = std::make_shared<FileReading>(std::move(file));
    while (sent_ < length) {
        auto work = [reading] { return reading->next(); };
        const auto piece = co_await shared_->files.run(std::move(work));
        if (!piece && sent_ > 0) {
            shared_->log.error("file not sent to its end", {{"request", request_.id}, {"error", piece.error().detail}});
            co_return false; // the length is promised: only closing tells the client
        }
        if (!piece) { // nothing went out yet: the answer can still be an honest one
            response = problem(piece.error(), request_.id);
            const auto& text = std::get<std::string>(response.body);
            co_return co_await send_text(response, text);
        }
        if (sent_ == 0) begin_head(response, options);
        else out_.clear();
        if (!co_await connection_.write(out_, *piece, shared_->limits.write_stall)) co_return false;
        sent_ += piece->size();
    }
    co_return true;
}

awaitable<bool> Session::send_stream(const Response& response, const StreamBody& stream) {
    auto options = head_options();
    options.chunked = version_ == 11;
    if (!options.chunked) options.keep_alive = keep_alive_ = false;
    begin_head(response, options);
    // The header goes at once: a client waits for it to know that the stream is open.
    if (!co_await connection_.write(out_, {}, shared_->limits.write_stall)) co_return false;
    if (request_.method == Verb::head || has_no_body(response.status)) co_return true;
    out_.clear();
    ChunkWriter writer{connection_, *shared_, out_, options.chunked, sent_};
    std::string failure; // no co_await inside a catch block
    begin_work();
    try {
        co_await stream.produce(writer);
    } catch (const std::exception& e) { failure = e.what(); }
    end_work();
    if (!failure.empty()) {
        shared_->log.error("stream failed", {{"request", request_.id}, {"error", failure}});
        co_return false; // without the last chunk the client knows that it is not complete
    }
    co_return co_await writer.finish();
}

} // namespace millrace::http
