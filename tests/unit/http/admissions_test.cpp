#include "http/admissions.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace millrace::http;

namespace {

using Tickets = std::vector<Admissions::Ticket>;

std::size_t take_all(Admissions& admissions, Tickets& held, const std::string& address, std::size_t share) {
    std::size_t taken = 0;
    while (auto ticket = admissions.connection(address, share)) {
        held.push_back(std::move(ticket));
        ++taken;
    }
    return taken;
}

} // namespace

TEST_CASE("one address takes its share of the connections, and leaves the others") {
    Limits limits;
    limits.connections = 1600;
    Admissions admissions{limits};
    Tickets held;
    CHECK(take_all(admissions, held, "127.0.0.1", limits.connections_of_loopback()) == 1200);
    CHECK(admissions.connection("127.0.0.2", limits.connections_of_loopback()));
    CHECK(take_all(admissions, held, "192.0.2.1", 512) == 300); // no key was shown from there
    CHECK_FALSE(admissions.connection("192.0.2.2", 512));
    admissions.has_key("192.0.2.3");
    CHECK(take_all(admissions, held, "192.0.2.3", 512) == 100);
    CHECK(admissions.open() == 1600);
    held.clear();
    CHECK(admissions.open() == 0);
    CHECK(admissions.connection("192.0.2.2", 512));
}

TEST_CASE("the admin socket has places of its own, however many connections there are") {
    Limits limits;
    limits.connections = 2;
    limits.admin_connections = 2;
    Admissions admissions{limits};
    Tickets held;
    CHECK(take_all(admissions, held, "192.0.2.1", 10) == 2);
    held.push_back(admissions.admin());
    held.push_back(admissions.admin());
    CHECK(held[3]);
    CHECK_FALSE(admissions.admin());
    held.pop_back();
    CHECK(admissions.admin());
}

TEST_CASE("those beyond the limit are told so, a few at a time") {
    Limits limits;
    limits.connections = 1;
    Admissions admissions{limits};
    const auto only = admissions.connection("a", 1);
    Tickets told;
    while (auto ticket = admissions.beyond_limit()) told.push_back(std::move(ticket));
    CHECK(told.size() == 64);
    CHECK(admissions.open() == 65);
}

TEST_CASE("all addresses of an IPv6 subnet have one share") {
    Limits limits;
    limits.connections_per_address = 1;
    Admissions admissions{limits};
    const auto one = admissions.connection("2001:db8:0:1::1", 1);
    CHECK(one);
    CHECK_FALSE(admissions.connection("2001:db8:0:1:ffff::2", 1));
    CHECK(admissions.connection("2001:db8:0:2::1", 1));
    const auto held = admissions.request("2001:db8:0:1::3");
    CHECK_FALSE(admissions.request("2001:db8:0:1::4"));
}

TEST_CASE("requests and uploads are counted by address, each for itself") {
    Limits limits;
    limits.connections_per_address = limits.uploads_per_address = 2;
    Admissions admissions{limits};
    Tickets held;
    for (int i = 0; i < 2; ++i) {
        held.push_back(admissions.request("a"));
        held.push_back(admissions.upload("a"));
    }
    CHECK_FALSE(admissions.request("a"));
    CHECK_FALSE(admissions.upload("a"));
    CHECK(admissions.request("b"));
    for (int i = 0; i < 1000; ++i) {
        held.push_back(admissions.upload(""));
        REQUIRE(held.back());
    }
    held.clear();
    CHECK(admissions.request("a"));
    CHECK(admissions.open() == 0); // they are no connections
}
