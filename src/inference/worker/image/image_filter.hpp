// Which source pixels make a destination pixel, and with what weights, along one side of a picture. Pure.
//
// Averaged (`antialias`), these are Pillow's filters: every source pixel under the filter counts when shrinking. Not
// averaged, they are those of OpenCV's resize and of torch's interpolate without antialias: the two or four nearest
// source pixels count, the border goes on beyond the picture, and the cubic has its a at -0.75 instead of -0.5.
#pragma once
#include "values/manifest.hpp"

#include <cstddef>
#include <vector>

namespace millrace::inference::worker {

struct Filter {
    values::Interpolation interpolation = values::Interpolation::bilinear;
    bool antialias = true;
};

// For each destination pixel the first source pixel that counts, how many, and their weights, whose sum is 1.
struct Taps {
    std::size_t support = 0; // weights a destination pixel has room for
    std::vector<int> first, count;
    std::vector<double> weights;

    int begin() const { return first.front(); }
    int end() const { return first.back() + count.back(); } // both rise with the destination
};

// Of `length` destination pixels from `start` on, when `from` pixels become `to`.
Taps taps(Filter filter, int from, int to, int start, int length);

} // namespace millrace::inference::worker
