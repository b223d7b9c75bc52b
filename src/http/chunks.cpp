#include "http/chunks.hpp"

#include "base/encoding.hpp"

namespace millrace::http {
namespace {

bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

} // namespace

std::size_t ChunkDecoder::skip_framing(std::string_view bytes) {
    std::size_t taken = 0;
    while (taken < bytes.size() && state_ != State::data && state_ != State::done && state_ != State::failed)
        state_ = step(bytes[taken++]);
    return taken;
}

void ChunkDecoder::take_data(std::uint64_t n) {
    left_ -= n;
    if (left_ == 0) state_ = State::data_cr;
}

ChunkDecoder::State ChunkDecoder::step(char c) {
    switch (state_) {
    case State::size:
    case State::extension: return step_size(c);
    case State::size_lf:
        if (c != '\n') return State::failed;
        line_ = digits_ = 0;
        return left_ == 0 ? State::trailer_start : State::data;
    case State::data_cr: return c == '\r' ? State::data_lf : State::failed;
    case State::data_lf: return c == '\n' ? State::size : State::failed;
    case State::trailer_start:
    case State::trailer: return step_trailer(c);
    case State::trailer_lf: return c == '\n' ? State::trailer_start : State::failed;
    case State::end_lf: return c == '\n' ? State::done : State::failed;
    default: return state_;
    }
}

ChunkDecoder::State ChunkDecoder::step_size(char c) {
    if (++line_ > max_line) return State::failed;
    if (c == '\r') return digits_ > 0 ? State::size_lf : State::failed;
    if (state_ == State::extension) return is_control(c) ? State::failed : State::extension;
    if (c == ';') return digits_ > 0 ? State::extension : State::failed;
    const int value = hex_value(c);
    if (value < 0 || ++digits_ > 15) return State::failed; // 15 digits cannot overflow
    left_ = left_ * 16 + static_cast<std::uint64_t>(value);
    return State::size;
}

ChunkDecoder::State ChunkDecoder::step_trailer(char c) {
    if (++trailer_ > max_trailer) return State::failed;
    if (c == '\r') return state_ == State::trailer_start ? State::end_lf : State::trailer_lf;
    if (is_control(c)) return State::failed;
    if (state_ == State::trailer_start && (c == ' ' || c == '\t')) return State::failed; // folded
    return State::trailer;
}

} // namespace millrace::http
