#include "inference/channel.hpp"
#include "inference/frames/frame.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <limits>
#include <string>

using namespace millrace;
using namespace millrace::inference;

namespace {

frame::Done example() {
    frame::Done done{7, 1.5, 0.25, {}};
    done.items.push_back({frame::ItemFailure{true, "no"}, 1, 2.0});
    done.items.push_back({frame::TopK{{{3, 0.5F}, {1, 0.25F}}}, 2, 2.0});
    done.items.push_back({frame::Map{2, 1, {1, 1}, "png"}, 2, 2.0});
    done.items.push_back({frame::Tensors{{{values::Datatype::fp32, {2}, std::string(8, 'x')}}}, 2, 2.0});
    done.items.push_back({frame::Rows{{frame::TopK{{{1, 0.5F}}}, frame::Scores{{0.25F, 0.75F}}}}, 2, 2.0});
    done.items.push_back({frame::Scores{{0.5F}}, 2, 2.0});
    return done;
}

} // namespace

TEST_CASE("messages come out as they went in") {
    const auto bytes = frame::encode(frame::ToDaemon{example()});
    const auto message = frame::decode_to_daemon(bytes);
    REQUIRE(message);
    const auto& done = std::get<frame::Done>(*message);
    CHECK(done.batch == 7);
    CHECK(std::get<frame::TopK>(done.items[1].outcome).ranked[1].share == 0.25F);
    CHECK(std::get<frame::Map>(done.items[2].outcome).png == "png");
    CHECK(std::get<frame::Tensors>(done.items[3].outcome).tensors[0].shape == values::Shape{2});

    CHECK(std::get<frame::Scores>(std::get<frame::Rows>(done.items[4].outcome).rows[1]).values ==
          std::vector<float>{0.25F, 0.75F});
    CHECK(std::get<frame::Scores>(done.items[5].outcome).values == std::vector<float>{0.5F});

    frame::Batch batch{
        9, 2, {{"image/png", frame::Source::inline_bytes, "abc", 0}, {"", frame::Source::descriptor, "", 55}}};
    const auto back = frame::decode_to_worker(frame::encode(frame::ToWorker{batch}));
    REQUIRE(back);
    CHECK(std::get<frame::Batch>(*back).items[1].size == 55);
}

TEST_CASE("what a worker says in words is text, whatever its bytes were") {
    frame::Done done{7, 1.5, 0.25, {}};
    done.items.push_back({frame::ItemFailure{true, "descr \xff\xfe"}, 1, 2.0});
    const auto message = frame::decode_to_daemon(frame::encode(frame::ToDaemon{done}));
    REQUIRE(message);
    CHECK(std::get<frame::ItemFailure>(std::get<frame::Done>(*message).items[0].outcome).message ==
          "descr \xef\xbf\xbd\xef\xbf\xbd");
}

TEST_CASE("a truncated, extended or damaged message is refused or harmless") {
    const auto good = frame::encode(frame::ToDaemon{example()});
    for (std::size_t n = 0; n < good.size(); ++n) CHECK_FALSE(frame::decode_to_daemon(good.substr(0, n)).has_value());
    CHECK_FALSE(frame::decode_to_daemon(good + "x").has_value());
    for (std::size_t i = 0; i < good.size(); ++i)
        for (const char value : {'\0', '\x7f', '\xff'}) {
            auto bad = good;
            bad[i] = value;
            (void)frame::decode_to_daemon(bad); // the sanitizers watch
            (void)frame::decode_to_worker(bad);
        }
}

TEST_CASE("absurd lengths reserve nothing") {
    frame::Writer w;
    w.number(std::uint8_t{3}); // Done
    w.number(std::uint64_t{1});
    w.number(0.0);
    w.number(std::uint32_t{0xffffffff}); // items
    CHECK_FALSE(frame::decode_to_daemon(w.take()).has_value());

    frame::Writer text;
    text.number(std::uint8_t{0}); // Hello
    text.number(std::uint32_t{1});
    text.number(std::numeric_limits<std::uint64_t>::max());
    CHECK_FALSE(frame::decode_to_daemon(text.take()).has_value());

    auto lie = example();
    std::get<frame::Tensors>(lie.items[3].outcome).tensors[0].shape = {1 << 20, 1 << 20};
    CHECK_FALSE(frame::decode_to_daemon(frame::encode(frame::ToDaemon{lie})).has_value());
    auto nan = example();
    nan.decode_ms = std::numeric_limits<double>::quiet_NaN();
    CHECK_FALSE(frame::decode_to_daemon(frame::encode(frame::ToDaemon{nan})).has_value());
}

TEST_CASE("frames of any size cross the channel, with their descriptors in order") {
    auto [a, b] = make_channel();
    const std::string large(1'000'000, 'L');
    Descriptor first{::open("/dev/null", O_RDONLY)}, second{::memfd_create("second", 0)};
    REQUIRE(::ftruncate(second.get(), 5) == 0);
    const int both[] = {first.get(), second.get()};
    CHECK(send_frame(a.get(), "small", both) == ChannelStatus::done);
    CHECK(send_frame(a.get(), large, both) == ChannelStatus::done);
    Received received;
    CHECK(receive_frame(b.get(), received) == ChannelStatus::done);
    CHECK(received.body == "small");
    REQUIRE(received.descriptors.size() == 2);
    CHECK(receive_frame(b.get(), received) == ChannelStatus::done);
    CHECK(received.body == large);
    REQUIRE(received.descriptors.size() == 2);
    CHECK(::lseek(received.descriptors[1].get(), 0, SEEK_END) == 5);
    a.reset();
    CHECK(receive_frame(b.get(), received) == ChannelStatus::closed);
}

TEST_CASE("what no peer of ours sends breaks the channel and leaks no descriptor") {
    const auto sent = [](const std::string& bytes) {
        auto [a, b] = make_channel();
        REQUIRE(::send(a.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
        Received received;
        return receive_frame(b.get(), received);
    };
    frame::Writer header;
    header.number(std::uint32_t{0x4d524631});
    header.number(std::uint32_t{1}); // large, without memory
    header.number(std::uint64_t{1} << 60);
    const auto large = header.take();
    CHECK(sent("x") == ChannelStatus::broken);
    CHECK(sent(std::string(16, '\0')) == ChannelStatus::broken);
    CHECK(sent(large) == ChannelStatus::broken);

    // A descriptor that holds less than announced: nothing is reserved, nothing is read past its end.
    auto [a, b] = make_channel();
    frame::Writer lying;
    lying.number(std::uint32_t{0x4d524631});
    lying.number(std::uint32_t{1});
    lying.number(std::uint64_t{1} << 29);
    const auto lie = lying.take();
    Descriptor empty{::memfd_create("empty", 0)};
    iovec part{const_cast<char*>(lie.data()), lie.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))]{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    auto* c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    const int fd = empty.get();
    __builtin_memcpy(CMSG_DATA(c), &fd, sizeof fd);
    REQUIRE(::sendmsg(a.get(), &message, 0) > 0);
    Received received;
    CHECK(receive_frame(b.get(), received) == ChannelStatus::broken);
}
