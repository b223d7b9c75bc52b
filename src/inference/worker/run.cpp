#include "inference/worker/run.hpp"

#include "async/io_pool.hpp"
#include "inference/channel.hpp"
#include "inference/worker/pipeline.hpp"
#include "inference/worker/sandbox/sandbox.hpp"

#include <signal.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <thread>

namespace millrace::inference::worker {
namespace {

struct Arguments {
    int socket = -1, parent = 0;
    std::string device;
    PipelineOptions pipeline;
    SandboxOptions sandbox;
};

// --name value pairs, all of them numbers but the module's path and the device; the engine writes them, so that one
// word does for errors.
bool parse(int argc, char** argv, Arguments& arguments) {
    std::map<std::string_view, std::string_view> values;
    for (int i = 2; i + 1 < argc; i += 2) values[argv[i]] = argv[i + 1];
    const auto number = [&](std::string_view name, auto& out) {
        const auto text = values[name];
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
        return error == std::errc{} && end == text.data() + text.size();
    };
    arguments.sandbox.runtime = values["--runtime"];
    arguments.device = values["--device"];
    arguments.sandbox.gpu = arguments.device.starts_with("cuda");
    return number("--socket", arguments.socket) && number("--parent", arguments.parent) &&
           number("--threads", arguments.pipeline.threads) &&
           number("--decode-threads", arguments.pipeline.decode_threads) &&
           number("--memory", arguments.sandbox.memory_limit) && arguments.pipeline.threads > 0 &&
           arguments.pipeline.decode_threads > 0 && !arguments.sandbox.runtime.empty();
}

class Conversation {
public:
    explicit Conversation(int socket) : socket_{socket} {}

    void send(const frame::ToDaemon& message, std::span<const int> descriptors = {}) {
        // Without the daemon there is nothing to work for.
        if (send_frame(socket_, frame::encode(message), descriptors) != ChannelStatus::done) ::_exit(0);
    }

    // Reads until the daemon closes the channel. Two threads do, each message goes to one of them: while one runs a
    // small pass itself, the other reads on, and nobody has to be woken for that. Their order may change by that; the
    // daemon sends nothing that must come after what it has had no answer to.
    void serve(Pipeline& pipeline) {
        Received received;
        for (;;) {
            if (receive_frame(socket_, received) != ChannelStatus::done) return;
            auto message = frame::decode_to_worker(received.body);
            if (!message) return;
            if (auto* batch = std::get_if<frame::Batch>(&*message))
                pipeline.run(std::move(*batch), std::move(received.descriptors));
            else if (auto* load = std::get_if<frame::Load>(&*message)) {
                if (received.descriptors.size() != 1 + load->files.size()) return;
                pipeline.load(std::move(*load), std::move(received.descriptors));
            } else if (const auto* unload = std::get_if<frame::Unload>(&*message)) pipeline.unload(unload->model);
            else if (const auto* ping = std::get_if<frame::Ping>(&*message)) {
                send(frame::Pong{ping->sequence});
                if (ping->to_tasks) pipeline.ask_tasks(ping->sequence);
            }
        }
    }

private:
    int socket_;
};

} // namespace

} // namespace millrace::inference::worker

// A model that asks for too much memory must fail as it does without a sanitizer, not end the worker.
#if defined(__SANITIZE_ADDRESS__)
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
#elif defined(__SANITIZE_THREAD__)
extern "C" const char* __tsan_default_options() { return "allocator_may_return_null=1"; }
#endif

namespace millrace::inference::worker {

int run(int argc, char** argv) {
    Arguments arguments;
    if (!parse(argc, argv, arguments)) {
        std::fputs("millrace worker is started by millrace serve\n", stderr);
        return 2;
    }
    async::name_this_thread("millrace-worker");
    // Who stops the service signals all its processes; the daemon still needs this one until it has drained.
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::signal(signal, SIG_IGN);
    std::setvbuf(stdout, nullptr, _IOLBF, 0); // what a model prints is in the log when it dies of it
    Conversation conversation{arguments.socket};
    frame::Hello hello;
    const auto give_up = [&](const Error& error) {
        hello.error = error.detail;
        conversation.send(hello);
        return 1;
    };
    if (auto restricted = restrict_early(arguments.sandbox, arguments.parent); !restricted)
        return give_up(restricted.error());
    auto runtime = Runtime::open(arguments.sandbox.runtime, arguments.device);
    if (!runtime) return give_up(runtime.error());
    // One is enough to have everything set up, and for the small passes that this thread may run itself: a thread that
    // the runtime makes now would keep what the sandbox takes from all that come later.
    if (auto prepared = runtime->set_threads(1); !prepared) return give_up(prepared.error());
    // Landlock binds the threads that are started after it: the pipeline's threads come after the sandbox.
    auto sandbox = restrict_fully(arguments.sandbox);
    if (!sandbox) return give_up(sandbox.error());

    hello.runtime = runtime->version();
    hello.device = arguments.device;
    hello.threads = static_cast<std::uint32_t>(arguments.pipeline.threads);
    hello.sandbox = sandbox->summary;
    // Never destroyed: its threads may be in the runtime when the daemon goes, and the process ends under them.
    auto* pipeline =
        new Pipeline{*runtime, arguments.pipeline, [&](const frame::ToDaemon& message) { conversation.send(message); }};
    std::vector<int> denials;
    if (sandbox->denials) denials.push_back(sandbox->denials.get());
    conversation.send(hello, denials);
    sandbox->denials.reset(); // the daemon's alone: whoever holds it could let its own calls pass
    std::thread{[&] {
        async::name_this_thread("millrace-reader");
        conversation.serve(*pipeline);
        ::_exit(0);
    }}.detach();
    conversation.serve(*pipeline);
    ::_exit(0);
}

} // namespace millrace::inference::worker
