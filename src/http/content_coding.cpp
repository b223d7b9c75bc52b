#include "http/content_coding.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <stdexcept>

#include <zlib.h>

namespace millrace::http {
namespace {

constexpr int zlib_window = 15, gzip_window = 15 + 16;
// A few kilobytes can unpack to a thousand times as much. Honest tensors of zeros do, too, so that small ones may.
constexpr std::uint64_t unsuspicious_bytes = 8 << 20, suspicious_ratio = 100;

int window(Coding coding) { return coding == Coding::gzip ? gzip_window : zlib_window; }

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// The value of ";q=", in thousandths; 1000 where there is none, 0 where it cannot be read.
int weight(std::string_view parameters) {
    const auto at = parameters.find("q=");
    if (at == std::string_view::npos) return 1000;
    double value = 0;
    const auto text = trimmed(parameters.substr(at + 2));
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    return failure == std::errc{} && value >= 0 && value <= 1 ? static_cast<int>(value * 1000) : 0;
}

Bytef* bytes_of(const void* data) { return const_cast<Bytef*>(static_cast<const Bytef*>(data)); }

} // namespace

std::string_view name(Coding coding) {
    switch (coding) {
    case Coding::gzip: return "gzip";
    case Coding::deflate: return "deflate";
    case Coding::identity: break;
    }
    return "identity";
}

Result<Coding> content_coding(std::string_view content_encoding) {
    const auto text = trimmed(content_encoding);
    if (text.empty() || equal_ignoring_case(text, "identity")) return Coding::identity;
    if (equal_ignoring_case(text, "gzip") || equal_ignoring_case(text, "x-gzip")) return Coding::gzip;
    if (equal_ignoring_case(text, "deflate")) return Coding::deflate;
    return Error{Code::unsupported_type, fmt::format("Content-Encoding may be gzip or deflate, not \"{}\"", text)};
}

Coding accepted_coding(std::string_view accept_encoding) {
    int gzip = -1, deflate = -1, any = 0;
    for (std::size_t at = 0; at < accept_encoding.size();) {
        const auto entry =
            accept_encoding.substr(at, std::min(accept_encoding.find(',', at), accept_encoding.size()) - at);
        at += entry.size() + 1;
        const auto semicolon = std::min(entry.find(';'), entry.size());
        const auto coding = trimmed(entry.substr(0, semicolon));
        const auto q = weight(entry.substr(semicolon));
        if (equal_ignoring_case(coding, "gzip") || equal_ignoring_case(coding, "x-gzip")) gzip = q;
        else if (equal_ignoring_case(coding, "deflate")) deflate = q;
        else if (coding == "*") any = q;
    }
    if (gzip < 0) gzip = any;
    if (deflate < 0) deflate = any;
    if (gzip == 0 && deflate == 0) return Coding::identity;
    return gzip >= deflate ? Coding::gzip : Coding::deflate;
}

std::string pack(std::string_view bytes, Coding coding) {
    z_stream stream{};
    if (::deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, window(coding), 8, Z_DEFAULT_STRATEGY) != Z_OK)
        throw std::bad_alloc{};
    std::string out(::deflateBound(&stream, bytes.size()), '\0');
    stream.next_in = bytes_of(bytes.data());
    stream.next_out = bytes_of(out.data());
    // zlib counts in 32 bits: both sides are given in pieces.
    constexpr std::size_t piece = 1 << 30;
    std::size_t in = bytes.size(), room = out.size();
    int ended = Z_OK;
    while (ended == Z_OK || ended == Z_BUF_ERROR) {
        stream.avail_in = static_cast<uInt>(std::min(in, piece));
        stream.avail_out = static_cast<uInt>(std::min(room, piece));
        const auto had_in = stream.avail_in, had_out = stream.avail_out;
        ended = ::deflate(&stream, in == had_in ? Z_FINISH : Z_NO_FLUSH);
        in -= had_in - stream.avail_in;
        room -= had_out - stream.avail_out;
        if (had_in == stream.avail_in && had_out == stream.avail_out && ended != Z_STREAM_END)
            break; // never, by deflateBound
    }
    ::deflateEnd(&stream);
    if (ended != Z_STREAM_END) throw std::runtime_error{"a body could not be packed"};
    out.resize(out.size() - room);
    return out;
}

struct UnpackingReader::State {
    BodyReader& packed;
    Coding coding;
    std::uint64_t max_bytes, taken = 0, made = 0;
    bool exhausted = false; // nothing more comes
    bool between = false;   // one stream has ended, and another may begin (gzip)
    z_stream stream{};
    std::array<std::byte, 16 * 1024> input{};

    State(BodyReader& body, Coding c, std::uint64_t max) : packed{body}, coding{c}, max_bytes{max} {
        if (::inflateInit2(&stream, window(coding)) != Z_OK) throw std::bad_alloc{};
    }
    ~State() { ::inflateEnd(&stream); }

    Error malformed() const {
        return {Code::invalid_argument, fmt::format("the body is not {}, as its Content-Encoding says", name(coding))};
    }
};

UnpackingReader::UnpackingReader(BodyReader& packed, Coding coding, std::uint64_t max_bytes)
    : state_{std::make_unique<State>(packed, coding, max_bytes)} {}
UnpackingReader::~UnpackingReader() = default;

Result<std::size_t> UnpackingReader::unpack(std::span<std::byte> into) {
    auto& stream = state_->stream;
    const auto room = static_cast<uInt>(std::min<std::size_t>(into.size(), 1 << 30));
    stream.next_out = bytes_of(into.data());
    stream.avail_out = room;
    const int result = ::inflate(&stream, Z_NO_FLUSH);
    if (result != Z_OK && result != Z_BUF_ERROR && result != Z_STREAM_END) return state_->malformed();
    state_->between = result == Z_STREAM_END;
    const std::size_t made = room - stream.avail_out;
    state_->made += made;
    if (state_->made > state_->max_bytes)
        return Error{Code::too_large, fmt::format("the body unpacks to more than {} bytes", state_->max_bytes)};
    if (state_->made > unsuspicious_bytes && state_->made / suspicious_ratio > state_->taken)
        return Error{Code::too_large, fmt::format("the body unpacks to more than {} times its size; send it unpacked",
                                                  suspicious_ratio)};
    return made;
}

Result<bool> UnpackingReader::begin_next() {
    if (state_->stream.avail_in == 0) return false;
    if (state_->coding != Coding::gzip) return state_->malformed();
    ::inflateReset(&state_->stream);
    state_->between = false;
    return true;
}

awaitable<Result<std::size_t>> UnpackingReader::read(std::span<std::byte> into) {
    auto& stream = state_->stream;
    while (!into.empty()) {
        if (state_->between) {
            auto another = begin_next();
            if (!another) co_return another.error();
            if (!*another && state_->exhausted) break;
        }
        if (!state_->between) {
            auto made = unpack(into);
            if (!made || *made > 0) co_return made;
            if (state_->between) continue;
            if (state_->exhausted) co_return Error{Code::invalid_argument, "the packed body ends too early"};
        }
        if (stream.avail_in > 0) continue;
        auto got = co_await state_->packed.read(state_->input);
        if (!got) co_return got.error();
        state_->exhausted = *got == 0;
        state_->taken += *got;
        stream.next_in = bytes_of(state_->input.data());
        stream.avail_in = static_cast<uInt>(*got);
    }
    co_return std::size_t{0};
}

} // namespace millrace::http
