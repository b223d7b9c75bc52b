// Why a job that stands in line does not begin: its queue, who does it, breakers, limits, its place. Pure.
#pragma once
#include "jobs/why.hpp"

namespace millrace::jobs {

Why why_in_line(const values::Job& job, const Standing& standing, Timestamp now);

// For people: "90 s", "5 min"; a time to the second.
std::string in_words(double seconds);
std::string moment(Timestamp at);

} // namespace millrace::jobs
