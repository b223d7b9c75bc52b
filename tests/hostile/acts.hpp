// What a hostile model tries, by number: the number is the first value of the input of whoever asks for it. The tests
// know the same numbers (tests/unit/inference/engine/hostile_test.cpp, tests/support/hostile.py).
#pragma once
#include <string>

namespace hostile {

enum Act {
    // against the sandbox: each is refused, and the model fails with the reason
    read_shadow = 1001,
    read_secret = 1002, // /tmp/millrace-hostile-N: a file that anybody may read; N is the input's second value
    write_file = 1003,  // the same name
    tcp_socket = 1004,
    udp_socket = 1005,
    unix_socket = 1006,
    fork_process = 1007,
    run_command = 1008, // the C library's system()
    execute = 1009,
    trace_parent = 1010,
    kill_parent = 1011,
    raise_limit = 1012,
    remove_file = 1013,
    pin_parent = 1014,
    read_parent = 1015,
    io_ring = 1016,
    mount_something = 1017,
    every_call = 1018,   // one after the other, and then the next model's work
    many_sockets = 1019, // a hundred and fifty of them
    // against the worker
    take_memory = 2001, // until there is none, and says so
    hang = 2002,
    spin = 2003,
    abort_process = 2004,
    segmentation_fault = 2005,
    leave = 2006,       // exit(0)
    spin_aside = 2007,  // on a thread of its own, while the model answers
    keep_memory = 2008, // nearly all that there is, and answers
    need_memory = 2009, // for the time of the pass, as an honest model may
    // in its answers
    wrong_rank = 3001,
    wrong_batch = 3002,
    too_few_bytes = 3003,
    no_outputs = 3004,
    // against the daemon, over the channel (descriptor 3)
    close_channel = 4001,
    write_garbage = 4002,
    answer_for_another = 4003,
    greet_again = 4004,
    claim_much = 4005,     // a frame that says it has a terabyte
    start_for_ever = 4006, // says again and again that the pass begins, to outrun its time limit
    print_lines = 4007,    // on standard output, as log lines of the daemon's
    // as a device that is lost
    lose_device = 5001,
    too_large_above_two = 5002, // out of memory for more than two items
};

// Tries to do what the sandbox refuses. What came of it: "refused: …" or "ESCAPED: …".
std::string attempt(int act, int number);

// Does what ends, blocks or deceives; returns when the act leaves the process alive.
void misbehave(int act);

} // namespace hostile
