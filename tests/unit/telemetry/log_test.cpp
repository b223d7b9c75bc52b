#include "base/clock.hpp"
#include "base/json.hpp"
#include "telemetry/log.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

using namespace millrace;
using namespace millrace::telemetry;

namespace {

// A log whose lines are read back from a pipe.
struct Captured {
    int ends[2]{-1, -1};
    Captured() { REQUIRE(::pipe(ends) == 0); }
    ~Captured() {
        ::close(ends[0]);
        if (ends[1] >= 0) ::close(ends[1]);
    }
    std::string text() {
        ::close(std::exchange(ends[1], -1));
        std::string out(65536, '\0');
        std::size_t used = 0;
        for (ssize_t got; (got = ::read(ends[0], out.data() + used, out.size() - used)) > 0;)
            used += static_cast<std::size_t>(got);
        out.resize(used);
        return out;
    }
};

} // namespace

TEST_CASE("a logfmt line has the time, the level, the event and the fields in order") {
    Captured pipe;
    Log log{Level::info, LogFormat::logfmt, pipe.ends[1]};
    log.info("worker ready", {{"pid", 12}, {"runtime", "libtorch"}, {"warm", true}, {"seconds", 0.25}});
    const auto line = pipe.text();
    REQUIRE(line.starts_with("ts="));
    CHECK(Timestamp::parse(line.substr(3, 27)).has_value());
    CHECK(line.substr(30) == " level=info event=\"worker ready\" pid=12 runtime=libtorch warm=true seconds=0.25\n");
}

TEST_CASE("line breaks, quotes and terminal escapes in a value cannot forge or hide a line") {
    for (const auto format : {LogFormat::logfmt, LogFormat::json}) {
        Captured pipe;
        Log log{Level::info, format, pipe.ends[1]};
        log.info("request", {{"path", "/a\nlevel=error event=\"forged\"\r\x1b[2J\x7f \xc2\x9b"
                                      "31m \xff"}});
        const auto line = pipe.text();
        CHECK(std::count(line.begin(), line.end(), '\n') == 1);
        CHECK(line.back() == '\n');
        for (const char c : line.substr(0, line.size() - 1))
            CHECK((static_cast<unsigned char>(c) >= 0x20 && c != 0x7f));
        CHECK(line.find("\xc2\x9b") == std::string::npos);
        CHECK(line.find("\\n") != std::string::npos);
        CHECK(line.find("\\u001b[2J\\u007f") != std::string::npos);
        CHECK(line.find("\xef\xbf\xbd") != std::string::npos); // the byte that is no UTF-8
    }
}

TEST_CASE("a JSON line is one valid object that gives the values back") {
    Captured pipe;
    Log log{Level::debug, LogFormat::json, pipe.ends[1]};
    log.debug("job ended",
              {{"kind", "über \"x\"\t"}, {"n", std::int64_t{-3}}, {"ratio", 0.5}, {"ok", false}, {"nan", 0.0 / 0.0}});
    const auto line = pipe.text();
    const auto value = parse_json(line);
    REQUIRE(value.has_value());
    const auto& object = value->as_object();
    CHECK(object.at("level") == "debug");
    CHECK(object.at("event") == "job ended");
    CHECK(object.at("kind") == "über \"x\"\t");
    CHECK(object.at("n") == -3);
    CHECK(object.at("ratio") == 0.5);
    CHECK(object.at("ok") == false);
    CHECK(object.at("nan").is_null());
}

TEST_CASE("what is below the threshold is not written, and the threshold moves") {
    Captured pipe;
    Log log{Level::warning, LogFormat::logfmt, pipe.ends[1]};
    log.info("quiet");
    CHECK_FALSE(log.enabled(Level::info));
    log.set_level(Level::debug);
    log.debug("heard");
    const auto text = pipe.text();
    CHECK(text.find("quiet") == std::string::npos);
    CHECK(text.find("event=heard") != std::string::npos);
}

TEST_CASE("a very long value is cut") {
    Captured pipe;
    Log log{Level::info, LogFormat::logfmt, pipe.ends[1]};
    log.info("x", {{"long", std::string(20000, 'a')}});
    CHECK(pipe.text().size() < 5000);
}
