# Compiler and linker settings that every target shares.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")   # and see optimize_more()
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_COMPILE_OPTIONS_PIE -fPIC)   # executables share the precompiled header of the libraries

option(MILLRACE_ASAN "Build with AddressSanitizer and UndefinedBehaviorSanitizer" OFF)
option(MILLRACE_TSAN "Build with ThreadSanitizer" OFF)
set(MILLRACE_TORCH_DIRS "" CACHE STRING
    "libtorch installations to build the runtime module for: NAME=PREFIX;…  (empty: Debian's, where it is installed)")

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor> -Wimplicit-fallthrough -Werror
                    -fno-strict-aliasing -fstack-protector-strong)
# GCC 12 reports false positives from inlined library code with these.
add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-maybe-uninitialized> $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>
                    $<$<COMPILE_LANGUAGE:CXX>:-Wno-mismatched-new-delete>)
# … and in optimised builds with these two: "text" + std::to_string(n).
if(CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo" OR MILLRACE_ASAN OR MILLRACE_TSAN)
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-stringop-overflow> $<$<COMPILE_LANGUAGE:CXX>:-Wno-array-bounds>)
endif()
# The compiler collects its garbage when it has half a gigabyte of it: few files come so far, and it took an eighth of the time.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options("SHELL:--param ggc-min-heapsize=524288")
endif()
add_compile_definitions(_GLIBCXX_ASSERTIONS BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_COROUTINE)

if(MILLRACE_ASAN)
  # Without vptr: that check asks the kernel whether memory can be read, which the worker's sandbox denies it.
  add_compile_options(-fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(MILLRACE_TSAN)
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer -Wno-tsan -Wno-stringop-overread)
  add_link_options(-fsanitize=thread)
elseif(CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  add_compile_definitions(_FORTIFY_SOURCE=2)
endif()
add_link_options(-Wl,-z,relro,-z,now)

# For files whose loops are worth more of the compiler's time. GCC takes the level from the precompiled header when it uses one.
function(optimize_more)
  set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS "$<$<CONFIG:Release>:-O3>" SKIP_PRECOMPILE_HEADERS ON)
endfunction()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # Sloppiness: a precompiled header's time stamp and its macros do not change what is compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE_PROGRAM})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
endif()
# Linked by GNU ld, in under a second. mold 1.10 keeps the unwind entries of functions that are empty: one may stand before
# another function's at the same address, and whatever that one throws then ends the program (tests/structure/test_elf.py).
