#include "inference/worker/passes/neighbours.hpp"

namespace millrace::inference::worker {
namespace {

using namespace std::chrono_literals;
constexpr auto longest_shrinking = 2s; // that others wait for
constexpr auto longest_wait = 500ms;   // for a neighbour to end

} // namespace

Neighbours::Shrinking::~Shrinking() {
    if (!begun_) return;
    neighbours_.state_.lock()->shrinking_since.reset();
    neighbours_.shrinking_ = false;
    neighbours_.changed_.notify_all();
}

void Neighbours::Shrinking::begin() {
    if (begun_) return;
    neighbours_.give_way();
    auto state = neighbours_.state_.lock();
    if (state->shrinking_since) return; // it takes its time: both go on
    state->shrinking_since = Steady::now();
    neighbours_.shrinking_ = begun_ = true;
}

void Neighbours::give_way() {
    if (!shrinking_) return;
    auto state = state_.lock();
    while (state->shrinking_since && Steady::now() < *state->shrinking_since + longest_shrinking)
        changed_.wait_until(state.mutex(), *state->shrinking_since + longest_shrinking);
}

bool Neighbours::wait_for_one() {
    auto state = state_.lock();
    const int before = under_way_;
    if (before <= 1) return false;
    changed_.wait_for(state.mutex(), longest_wait, [&] { return under_way_ < before; });
    return true;
}

void Neighbours::is_over() {
    --under_way_;
    if (!shrinking_) return;
    { const auto state = state_.lock(); } // who waits has looked, or looks now
    changed_.notify_all();
}

} // namespace millrace::inference::worker
