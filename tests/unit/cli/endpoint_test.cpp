#include "cli/contexts.hpp"
#include "cli/endpoint.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include <sys/stat.h>

using namespace millrace::cli;
namespace fs = std::filesystem;

namespace {

// A home and an environment of the test's own.
struct Home {
    Home() {
        std::string pattern = (fs::temp_directory_path() / "millrace-home-XXXXXX").string();
        folder = ::mkdtemp(pattern.data());
        ::setenv("XDG_CONFIG_HOME", folder.c_str(), 1);
    }
    ~Home() {
        for (const char* name : {"XDG_CONFIG_HOME", "MILLRACE_URL", "MILLRACE_KEY"}) ::unsetenv(name);
        fs::remove_all(folder);
    }
    std::ostringstream nowhere;
    Context context{nowhere, nowhere};
    fs::path folder;
};

} // namespace

TEST_CASE("a URL names a host, a port and a path") {
    const auto plain = at_url("http://example.org");
    CHECK(plain.host == "example.org");
    CHECK(plain.port == 7878);
    CHECK_FALSE(plain.tls);
    const auto tls = at_url("https://[::1]:8443/millrace/");
    CHECK(tls.host == "::1");
    CHECK(tls.port == 8443);
    CHECK(tls.tls);
    CHECK(tls.base == "/millrace");
    CHECK(tls.text() == "https://[::1]:8443/millrace");
    CHECK(at_url("https://example.org").port == 443);
    for (const char* wrong : {"example.org", "ftp://example.org", "http://", "http://me:secret@example.org",
                              "http://example.org/?a=b", "http://example.org:0", "http://example.org:99999", ""})
        CHECK_THROWS_AS(at_url(wrong), Failure);
}

TEST_CASE("what is asked for on the command line comes before the environment, and that before the context in use") {
    Home home;
    write_contexts(
        {"lab", {{"lab", "http://lab.example.org", "mr_lab"}, {"prod", "https://prod.example.org", "mr_prod"}}});
    CHECK(endpoint_of(home.context).host == "lab.example.org");
    CHECK(endpoint_of(home.context).key == "mr_lab");
    ::setenv("MILLRACE_URL", "http://env.example.org", 1);
    ::setenv("MILLRACE_KEY", "mr_env", 1);
    CHECK(endpoint_of(home.context).host == "env.example.org");
    CHECK(endpoint_of(home.context).key == "mr_env");
    home.context.name = "prod";
    CHECK(endpoint_of(home.context).host == "prod.example.org");
    home.context.name.clear();
    home.context.url = "http://flag.example.org";
    home.context.key = "mr_flag";
    CHECK(endpoint_of(home.context).host == "flag.example.org");
    CHECK(endpoint_of(home.context).key == "mr_flag");
    home.context.url.clear();
    home.context.key.clear();
    home.context.socket = "/run/x.sock";
    CHECK_FALSE(endpoint_of(home.context).is_remote());
}

TEST_CASE("a daemon elsewhere wants a key, and one here takes none") {
    Home home;
    home.context.url = "http://example.org";
    CHECK_THROWS_WITH_AS(endpoint_of(home.context), doctest::Contains("wants a key"), Failure);
    home.context.key = "mr_a\r\nX: y";
    CHECK_THROWS_AS(endpoint_of(home.context), Failure);
    home.context.url.clear();
    home.context.key = "mr_a";
    home.context.socket = "/run/x.sock";
    CHECK_THROWS_AS(endpoint_of(home.context), Failure);
}

TEST_CASE("contexts are kept for their owner alone, and a file of somebody else's making is refused") {
    Home home;
    CHECK(read_contexts().all.empty());
    write_contexts({"", {{"a", "http://a", "mr_secret"}}});
    struct stat status {};
    REQUIRE(::stat(contexts_file().c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    CHECK(read_contexts().all.front().key == "mr_secret");
    write_contexts({"gone", {}});
    CHECK_THROWS_WITH_AS(endpoint_of(home.context), doctest::Contains("context use local"), Failure);
    fs::resize_file(contexts_file(), 5);
    CHECK_THROWS_AS(read_contexts(), Failure);
}
