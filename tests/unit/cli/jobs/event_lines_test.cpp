#include "cli/jobs/event_lines.hpp"

#include <doctest/doctest.h>

using namespace millrace::cli;

TEST_CASE("events are read whole, however the pieces are cut") {
    const std::string stream = "retry: 1000\nid: 1\n\n:\n\nevent: job.state\nid: 2\ndata: {\"a\":1}\n\n"
                               "event: x\r\ndata: one\r\ndata:two\r\n\r\ndata: nameless\n\nevent: without data\n\n";
    for (std::size_t size = 1; size <= stream.size(); size += 3) {
        std::string seen;
        EventLines lines{[&seen](std::string_view name, std::string_view data) {
            seen.append(name).append("=").append(data).append(";");
        }};
        for (std::size_t at = 0; at < stream.size(); at += size)
            lines.add(std::span{stream.data() + at, std::min(size, stream.size() - at)});
        CHECK(seen == "job.state={\"a\":1};x=one\ntwo;message=nameless;");
    }
}
