#include "http/multipart.hpp"

#include "base/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace millrace::http {
namespace {

constexpr std::size_t buffer_size = 64 * 1024;
constexpr std::size_t max_padding = 64; // blanks between a boundary and its line's end

void trim(std::string_view& text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
}

// Calls take(name, value) for each `; name=value` of a header's value; false when it is malformed. Quoted values
// are unquoted: a backslash escapes a quotation mark or a backslash and stands for itself otherwise, because some
// browsers put plain Windows paths there.
template <class Take>
bool each_parameter(std::string_view text, const Take& take) {
    for (trim(text); !text.empty(); trim(text)) {
        if (text.front() != ';') return false;
        text.remove_prefix(1);
        trim(text);
        if (text.empty()) return true; // a trailing semicolon
        const auto equals = text.find_first_of("=;\"");
        if (equals == std::string_view::npos || text[equals] != '=') return false;
        auto name = text.substr(0, equals);
        trim(name);
        text.remove_prefix(equals + 1);
        std::string value;
        if (!text.starts_with('"')) {
            auto token = text.substr(0, text.find(';'));
            text.remove_prefix(token.size());
            trim(token);
            if (token.empty() || token.find_first_of(" \t\",=") != std::string_view::npos) return false;
            value = token;
        } else {
            std::size_t i = 1;
            for (; i < text.size() && text[i] != '"'; ++i) {
                if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\')) ++i;
                value.push_back(text[i]);
            }
            if (i >= text.size()) return false;
            text.remove_prefix(i + 1);
        }
        if (!take(name, std::move(value))) return false;
    }
    return true;
}

bool plain_text(std::string_view text) {
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    return valid_utf8(text) && std::none_of(text.begin(), text.end(), is_control);
}

bool boundary_char(char c) {
    const bool alphanumeric = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
    return alphanumeric || std::string_view{"'()+_,-./:=? "}.find(c) != std::string_view::npos;
}

Error malformed(std::string detail) { return {Code::invalid_argument, "multipart: " + std::move(detail)}; }

} // namespace

Result<MultipartReader> MultipartReader::open(std::string_view content_type, BodyReader& body) {
    const auto type_end = std::min(content_type.find(';'), content_type.size());
    auto type = content_type.substr(0, type_end);
    trim(type);
    if (!equal_ignoring_case(type, "multipart/form-data"))
        return Error{Code::unsupported_type, "send multipart/form-data"};
    std::optional<std::string> boundary;
    const bool well_formed =
        each_parameter(content_type.substr(type_end), [&](std::string_view name, std::string value) {
            if (!equal_ignoring_case(name, "boundary")) return true;
            if (boundary) return false;
            boundary = std::move(value);
            return true;
        });
    if (!well_formed || !boundary || boundary->empty() || boundary->size() > max_boundary || boundary->back() == ' ' ||
        !std::all_of(boundary->begin(), boundary->end(), boundary_char))
        return malformed("the boundary is missing or malformed");
    return MultipartReader{std::move(*boundary), body};
}

MultipartReader::MultipartReader(std::string boundary, BodyReader& body)
    : body_{&body},
      delimiter_{"\r\n--" + std::move(boundary)},
      buffer_(buffer_size) {
    // The first delimiter needs no line before it: pretend there was one.
    buffer_[0] = '\r';
    buffer_[1] = '\n';
    end_ = 2;
}

awaitable<Result<bool>> MultipartReader::fill() {
    if (ended_) co_return false;
    if (begin_ > 0) {
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    const auto got =
        co_await body_->read(std::as_writable_bytes(std::span{buffer_.data() + end_, buffer_.size() - end_}));
    if (!got) co_return got.error();
    ended_ = *got == 0;
    end_ += *got;
    co_return !ended_;
}

// What follows the delimiter that was found at `at`; `consumed` counts from there to the next line.
MultipartReader::Line MultipartReader::after_delimiter(std::size_t at, std::size_t& consumed) const {
    const std::string_view rest{buffer_.data() + at + delimiter_.size(), end_ - at - delimiter_.size()};
    if (rest.size() < 2) return ended_ ? Line::content : Line::more;
    if (rest.starts_with("--")) {
        consumed = delimiter_.size() + 2;
        return Line::last;
    }
    const auto blanks = std::min(rest.find_first_not_of(" \t"), rest.size());
    if (blanks > max_padding) return Line::content;
    const auto line_end = rest.substr(blanks);
    if (line_end.starts_with("\r\n")) {
        consumed = delimiter_.size() + blanks + 2;
        return Line::next_part;
    }
    return !ended_ && (line_end.empty() || line_end == "\r") ? Line::more : Line::content;
}

awaitable<Result<std::span<const std::byte>>> MultipartReader::read() {
    using Piece = std::span<const std::byte>;
    if (state_ != State::inside && state_ != State::start) co_return Piece{};
    const auto piece = [this](std::size_t size) {
        const Piece taken = std::as_bytes(std::span{buffer_.data() + begin_, size});
        begin_ += size;
        return taken;
    };
    for (;;) {
        const std::string_view held{buffer_.data() + begin_, end_ - begin_};
        const auto found = held.find(delimiter_);
        if (found != std::string_view::npos && found > 0) co_return piece(found);
        if (found == 0) {
            std::size_t consumed = 0;
            const auto line = after_delimiter(begin_, consumed);
            if (line == Line::content)
                co_return piece(delimiter_.size()); // looks like the boundary and goes on differently
            if (line != Line::more) {
                begin_ += consumed;
                state_ = line == Line::last ? State::done : State::between;
                co_return Piece{};
            }
        } else if (held.size() >= delimiter_.size()) {
            co_return piece(held.size() - delimiter_.size() + 1); // the rest could be the beginning of a delimiter
        }
        const auto more = co_await fill();
        if (!more) co_return more.error();
        if (!*more && found != 0) co_return malformed("the body ends inside a part");
    }
}

awaitable<Result<std::optional<PartHead>>> MultipartReader::next() {
    while (state_ == State::start || state_ == State::inside) { // what comes before the first delimiter is dropped, too
        const auto dropped = co_await read();
        if (!dropped) co_return dropped.error();
    }
    if (state_ == State::done) {
        for (;;) { // the epilogue, within the body's limit
            begin_ = end_;
            const auto more = co_await fill();
            if (!more) co_return more.error();
            if (!*more) co_return std::optional<PartHead>{};
        }
    }
    if (++parts_ > max_parts) co_return Error{Code::too_large, fmt::format("multipart: more than {} parts", max_parts)};
    for (;;) {
        const std::string_view held{buffer_.data() + begin_, end_ - begin_};
        auto end = held.starts_with("\r\n") ? 0 : held.find("\r\n\r\n");
        if (end <= max_head) { // and so there is one
            auto head = parse_head(held.substr(0, end));
            if (!head) co_return head.error();
            begin_ += end == 0 ? 2 : end + 4;
            state_ = State::inside;
            co_return std::optional<PartHead>{std::move(*head)};
        }
        if (held.size() > max_head) co_return malformed("a part's header is too large");
        const auto more = co_await fill();
        if (!more) co_return more.error();
        if (!*more) co_return malformed("the body ends inside a part's header");
    }
}

Result<PartHead> MultipartReader::parse_head(std::string_view head) const {
    PartHead part{"", std::nullopt, ""};
    bool disposed = false;
    while (!head.empty()) {
        const auto end = std::min(head.find("\r\n"), head.size());
        const auto line = head.substr(0, end);
        head.remove_prefix(std::min(end + 2, head.size()));
        const auto colon = line.find(':');
        if (colon == std::string_view::npos || colon == 0 || line.front() == ' ' || line.front() == '\t')
            return malformed("a part's header is malformed");
        const auto name = line.substr(0, colon);
        auto value = line.substr(colon + 1);
        trim(value);
        if (!plain_text(value)) return malformed("a part's header is not plain text");
        if (equal_ignoring_case(name, "Content-Type")) part.content_type = value;
        if (!equal_ignoring_case(name, "Content-Disposition")) continue;
        const auto type_end = std::min(value.find(';'), value.size());
        auto type = value.substr(0, type_end);
        trim(type);
        if (disposed || !equal_ignoring_case(type, "form-data"))
            return malformed("a part's Content-Disposition is not form-data");
        disposed = true;
        bool named = false;
        const bool well_formed = each_parameter(value.substr(type_end), [&](std::string_view key, std::string text) {
            const bool kept = equal_ignoring_case(key, "name") || equal_ignoring_case(key, "filename");
            if (kept && text.size() > max_name) return false;
            if (equal_ignoring_case(key, "name")) {
                if (std::exchange(named, true)) return false;
                part.name = std::move(text);
            } else if (equal_ignoring_case(key, "filename")) {
                if (part.filename) return false;
                const auto slash = text.find_last_of("/\\");
                part.filename = slash == std::string::npos ? std::move(text) : text.substr(slash + 1);
            }
            return true;
        });
        if (!well_formed) return malformed("a part's Content-Disposition is malformed");
    }
    if (!disposed || part.name.empty()) return malformed("a part has no name");
    // RFC 7578 calls a part without a type text/plain, but many clients send files so, whatever is in them.
    if (part.content_type.empty()) part.content_type = part.filename ? "application/octet-stream" : "text/plain";
    return part;
}

awaitable<Result<std::string>> MultipartReader::text(std::size_t max) {
    std::string out;
    for (;;) {
        const auto got = co_await read();
        if (!got) co_return got.error();
        if (got->empty()) co_return out;
        if (out.size() + got->size() > max)
            co_return Error{Code::too_large, fmt::format("multipart: the part is larger than {} bytes", max)};
        out.append(reinterpret_cast<const char*>(got->data()), got->size());
    }
}

} // namespace millrace::http
