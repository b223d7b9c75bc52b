// The engine with a runtime that attacks it (tests/hostile): everything that a model made of machine code could try.
#include "unit/inference/engine/hostile_fixture.hpp"

#include <zlib.h>

using namespace millrace::inference::testing;

namespace {

// An archive whose model does the act while it is loaded: said in the 40 digits of its id, which nothing reads.
std::string with_act(std::string archive, int act) {
    constexpr std::string_view record = ".data/serialization_id";
    constexpr std::size_t size = 40;
    const auto sum = [](std::string_view text) {
        const auto value =
            ::crc32(0, reinterpret_cast<const unsigned char*>(text.data()), static_cast<unsigned>(text.size()));
        return std::string{static_cast<char>(value), static_cast<char>(value >> 8), static_cast<char>(value >> 16),
                           static_cast<char>(value >> 24)};
    };
    const auto digits = [](char c) { return c >= '0' && c <= '9'; };
    auto begin =
        std::find_if(archive.begin() + static_cast<std::ptrdiff_t>(archive.find(record)), archive.end(), digits);
    while (!std::all_of(begin, begin + size, digits)) ++begin;
    std::string said = "hostile-act=" + std::to_string(act);
    said.resize(size, ' ');
    const auto before = sum({&*begin, size}), after = sum(said);
    std::copy(said.begin(), said.end(), begin);
    for (auto at = archive.find(before); at != archive.npos; at = archive.find(before, at))
        archive.replace(at, 4, after);
    return archive;
}

} // namespace

TEST_CASE("what a hostile model tries is refused, and the log says what it was and which model did it") {
    Hostile h;
    struct Try {
        int act;
        const char* logged; // nullptr: refused by Landlock, which tells the model alone
    };
    const int number = ::getpid();
    const auto secret = "/tmp/millrace-hostile-" + std::to_string(number);
    std::ofstream{secret} << "secret";
    for (const auto& [act, call] :
         {Try{hostile::read_shadow, nullptr}, Try{hostile::read_secret, nullptr},
          Try{hostile::write_file, "call=openat"},
          Try{hostile::tcp_socket, "call=socket arguments=\"AF_INET, SOCK_STREAM\""},
          Try{hostile::udp_socket, "call=socket arguments=\"AF_INET6, SOCK_DGRAM\""},
          Try{hostile::unix_socket, "call=socket arguments=\"AF_UNIX, SOCK_STREAM\""},
          Try{hostile::fork_process, "call=clone"}, Try{hostile::run_command, "call=clone"},
          Try{hostile::execute, "call=execve"}, Try{hostile::trace_parent, "call=ptrace"},
          Try{hostile::kill_parent, "call=kill"}, Try{hostile::raise_limit, "call=prlimit64"},
          Try{hostile::remove_file, "call=unlink"}, Try{hostile::pin_parent, nullptr},
          Try{hostile::read_parent, "call=process_vm_readv"}, Try{hostile::io_ring, "call=io_uring_setup"},
          Try{hostile::mount_something, "call=mount"}}) {
        const auto before = h.logged().size();
        const auto outcome = h.run(act, number);
        INFO(act << " " << said(outcome));
        REQUIRE(!outcome);
        CHECK(outcome.error().reason == FailureReason::model_failed);
        CHECK(outcome.error().message.find("refused") != std::string::npos);
        const auto lines = h.logged().substr(before);
        INFO(lines);
        if (call) {
            CHECK(lines.find(call) != std::string::npos);
            CHECK(lines.find("model=intruder/1") != std::string::npos);
        }
    }
    CHECK(read_file(secret) == "secret");
    std::filesystem::remove(secret);
    CHECK(h.honest_work_goes_on());
    CHECK(h.engine.status().restarts == 0);
    CHECK(h.denied() >= 14);
}

TEST_CASE("a hostile model that tries without end is counted, not logged without end, and holds up nobody's daemon") {
    Hostile h;
    h.model = numbers(R"({"timeout_seconds":60})", 8, "intruder");
    auto trying = h.send(h.model, hostile::many_sockets);
    const auto outcome = h.answer(std::move(trying));
    REQUIRE(!outcome);
    CHECK(outcome.error().message.find("refused: all") != std::string::npos);
    CHECK(h.denied() == 150);
    CHECK(lines_with(h.logged(), "the sandbox refused") == 5);
    CHECK(h.honest_work_goes_on());
}

TEST_CASE("whatever ends or blocks a worker ends that worker alone; others' work goes on in the next") {
    Hostile h;
    std::uint64_t restarts = 0;
    for (const int act : {hostile::hang, hostile::spin, hostile::abort_process, hostile::segmentation_fault,
                          hostile::leave, hostile::close_channel, hostile::write_garbage, hostile::answer_for_another,
                          hostile::greet_again, hostile::claim_much, hostile::start_for_ever}) {
        INFO(act);
        const auto outcome = h.run(act);
        if (outcome) INFO("it answered before its deed was noticed");
        else CHECK(outcome.error().killed_worker);
        CHECK(h.honest_work_goes_on());
        ++restarts;
        const auto end = std::chrono::steady_clock::now() + 10s;
        while (h.engine.status().restarts < restarts && std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(5ms);
        CHECK(h.engine.status().restarts == restarts);
        CHECK(h.honest_work_goes_on());
    }
    CHECK(lines_with(h.logged(), "worker lost") == static_cast<int>(restarts));
}

TEST_CASE("a model that takes all memory fails, and a batch that is too large is halved") {
    auto options = hostile_options();
    options.memory_limit = std::uint64_t{1} << 30;
    Hostile h{options};
    h.model = numbers(R"({"timeout_seconds":20})", 8, "intruder");
    CHECK(h.honest_work_goes_on());
    std::vector<std::future<Outcome>> answers;
    for (int i = 0; i < 16; ++i) answers.push_back(h.send(h.model, hostile::too_large_above_two));
    for (auto& each : answers) {
        const auto outcome = h.answer(std::move(each));
        INFO(said(outcome));
        REQUIRE(outcome.has_value());
        CHECK(outcome->batch_size <= 2);
    }
    const auto greedy = h.run(hostile::take_memory);
    CHECK_FALSE(greedy.has_value()); // alone, or with its worker, which had nothing left to say it with
    CHECK(h.honest_work_goes_on());
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) // with which a worker has no limit
TEST_CASE("memory that a model keeps is missed by nobody: the worker is replaced, and who found none runs again") {
    auto options = hostile_options();
    options.memory_limit = std::uint64_t{1} << 30;
    Hostile h{options};
    CHECK(h.honest_work_goes_on());
    REQUIRE(h.run(hostile::keep_memory).has_value());
    const auto outcome = h.answer(h.send(h.other, hostile::need_memory));
    INFO(said(outcome) << h.logged());
    CHECK(outcome.has_value());
    CHECK(lines_with(h.logged(), "its memory was used up") >= 1);
}
#endif

TEST_CASE("a model that takes all memory again and again takes it from itself alone") {
    auto options = hostile_options();
    options.memory_limit = std::uint64_t{1} << 30;
    Hostile h{options};
    for (int i = 0; i < 5; ++i) {
        CHECK_FALSE(h.run(hostile::take_memory, i).has_value());
        CHECK(h.honest_work_goes_on());
    }
}

TEST_CASE("answers that make no sense are the model's failure") {
    Hostile h;
    for (const int act : {hostile::wrong_rank, hostile::wrong_batch, hostile::too_few_bytes, hostile::no_outputs}) {
        const auto outcome = h.run(act);
        INFO(act << " " << said(outcome));
        REQUIRE(!outcome);
        CHECK(outcome.error().reason == FailureReason::model_failed);
        CHECK(h.honest_work_goes_on());
    }
    CHECK(h.engine.status().restarts == 0);
}

TEST_CASE("a device that is lost has its worker replaced, and what shared it runs again") {
    Hostile h;
    CHECK(h.honest_work_goes_on());
    const auto outcome = h.run(hostile::lose_device);
    INFO(said(outcome));
    REQUIRE(!outcome);
    CHECK(outcome.error().reason == FailureReason::worker_lost);
    CHECK(h.honest_work_goes_on());
    CHECK(h.engine.status().restarts == 1);
    CHECK(h.logged().find("illegal memory access") != std::string::npos);
}

TEST_CASE(
    "what shared a worker with the cause of its end is run again without being told, and only the cause is blamed") {
    Hostile h;
    CHECK(h.honest_work_goes_on());
    CHECK(h.answer(h.send(h.model, 1)).has_value());
    std::vector<std::future<Outcome>> answers;
    for (int i = 0; i < 40; ++i) {
        answers.push_back(h.send(h.model, i == 20 ? hostile::segmentation_fault : i));
        answers.push_back(h.send(h.other, i));
    }
    for (std::size_t i = 0; i < answers.size(); ++i) {
        const auto outcome = h.answer(std::move(answers[i]));
        INFO(i << " " << said(outcome));
        if (i == 40) {
            REQUIRE(!outcome);
            CHECK(outcome.error().killed_worker);
        } else {
            REQUIRE(outcome.has_value());
            CHECK(outcome->result.at("outputs").at(0).at("data").at(0).as_double() == 2.0 * static_cast<double>(i / 2));
        }
    }
    CHECK(h.engine.status().restarts == 2); // with the others, and alone
}

TEST_CASE("a model that was being loaded when another ended the worker is loaded again, and not blamed") {
    Hostile h;
    std::vector<std::future<Outcome>> guilty, honest;
    for (int i = 0; i < 3; ++i)
        guilty.push_back(h.send(h.model, hostile::abort_process)); // each of them, of which none is loaded
    for (int i = 0; i < 20; ++i) honest.push_back(h.send(h.other, i));
    for (auto& each : guilty) CHECK_FALSE(h.answer(std::move(each)).has_value());
    for (auto& each : honest) CHECK(h.answer(std::move(each)).has_value());
    CHECK(h.honest_work_goes_on());
}

TEST_CASE("a model that hangs while it is loaded holds up the loading of others for some seconds only") {
    Hostile h;
    const auto file = std::filesystem::temp_directory_path() / ("millrace-hanging-" + std::to_string(::getpid()));
    const auto content = with_act(read_file(models / "numbers.pt"), hostile::hang);
    std::ofstream{file, std::ios::binary} << content;
    auto hanging = *h.model;
    hanging.file = file;
    hanging.sha256 = hex(sha256(content));
    auto waits = h.send(std::make_shared<const ModelVersion>(std::move(hanging)), 1);
    CHECK(h.honest_work_goes_on()); // loaded beside it
    CHECK(waits.wait_for(0s) == std::future_status::timeout);
    std::filesystem::remove(file);
}

TEST_CASE("a worker that uses the processor with nothing to do is replaced") {
    auto options = hostile_options();
    options.leftover_window = 1500ms;
    Hostile h{options};
    CHECK(h.run(hostile::spin_aside).has_value());
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (h.engine.status().restarts == 0 && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(10ms);
    CHECK(h.engine.status().restarts == 1);
    CHECK(h.logged().find("used the processor with nothing to do") != std::string::npos);
    CHECK(h.honest_work_goes_on());
}

TEST_CASE("what a model prints is told as what it is, and not without end") {
    Hostile h;
    CHECK(h.run(hostile::print_lines).has_value());
    const auto end = std::chrono::steady_clock::now() + 10s;
    const auto printed = [&] { return lines_with(h.logged(), "event=\"worker printed\""); };
    while (printed() < 200 && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(5ms);
    CHECK(h.honest_work_goes_on());
    CHECK(printed() == 200);
    CHECK(lines_with(h.logged(), "\nts=2026-01-01T00:00:00Z") == 0);
}

TEST_CASE("a TorchScript task that its model began and never waited for is ended, too, though others are at work all "
          "the time") {
    if (!has_runtime()) return;
    EngineOptions options;
    options.threads = 1;
    options.runtime = chosen_runtime();
    options.leftover_window = 1500ms;
    Hostile h{options};
    h.model = model_of("leaves_tasks.pt",
                       R"({"format":1,"name":"intruder","task":"tensor","input":{"kind":"tensor","shape":[4]},
        "output":{"shape":[4]},"limits":{"timeout_seconds":20},"warm_up":false})");
    const auto answered = h.run(1);
    INFO(said(answered));
    CHECK(answered.has_value());
    const auto end = std::chrono::steady_clock::now() + 30s;
    while (h.engine.status().restarts == 0 && std::chrono::steady_clock::now() < end) {
        CHECK(h.honest_work_goes_on());
        std::this_thread::sleep_for(10ms);
    }
    CHECK(h.logged().find("a model left a task running") != std::string::npos);
    CHECK(h.honest_work_goes_on());
}

TEST_CASE("a worker that is neither quite idle nor quite busy is left alone") {
    if (!has_runtime()) return;
    EngineOptions options;
    options.threads = 1;
    options.runtime = chosen_runtime();
    options.leftover_window = 1000ms;
    Hostile h{options};
    const auto end = std::chrono::steady_clock::now() + 6s;
    while (std::chrono::steady_clock::now() < end) {
        REQUIRE(h.honest_work_goes_on());
        std::this_thread::sleep_for(2ms);
    }
    CHECK(h.engine.status().restarts == 0);
}

TEST_CASE("passes that hang hold up their own model alone, until their time is over") {
    auto options = hostile_options();
    options.threads = 2;
    Hostile h{options};
    h.model = numbers(R"({"timeout_seconds":3})", 1, "intruder");
    CHECK(h.honest_work_goes_on());
    CHECK(h.answer(h.send(h.model, 1)).has_value());
    std::vector<std::future<Outcome>> hanging;
    for (const int act : {hostile::hang, hostile::spin, hostile::hang}) hanging.push_back(h.send(h.model, act));
    for (int i = 0; i < 20; ++i) CHECK(h.honest_work_goes_on());
    CHECK(h.engine.status().restarts == 0);
    for (auto& each : hanging) CHECK(each.wait_for(0s) == std::future_status::timeout);
    for (auto& each : hanging)
        while (each.wait_for(10ms) != std::future_status::ready)
            CHECK(h.honest_work_goes_on()); // which puts off nothing
    for (auto& each : hanging) CHECK_FALSE(each.get().has_value());
    CHECK(h.engine.status().restarts >= 1);
}
