// The exec processor starts its own executable as the guard; in this test program that is the program itself.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include "processors/exec/guard.hpp"

#include <string_view>

int main(int argc, char** argv) {
    if (argc > 1 && std::string_view{argv[1]} == "exec-guard") return millrace::processors::run_guard(argc, argv);
    return doctest::Context{argc, argv}.run();
}
