# Every library that goes into the binary, linked statically; docs/dependencies.md says what each is for.
find_package(Threads REQUIRED)
set(Boost_USE_STATIC_LIBS ON)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
set(OPENSSL_USE_STATIC_LIBS ON)
find_package(OpenSSL REQUIRED)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(doctest REQUIRED)

# static_library(NAME FILE [LINK ...]): an imported target for libFILE.a, refused if only a shared one is there.
function(static_library name file)
  find_library(${name}_ARCHIVE NAMES lib${file}.a REQUIRED)
  add_library(${name} STATIC IMPORTED GLOBAL)
  set_target_properties(${name} PROPERTIES IMPORTED_LOCATION ${${name}_ARCHIVE})
  if(ARGN)
    target_link_libraries(${name} INTERFACE ${ARGN})
  endif()
endfunction()
static_library(zlib_static z)
static_library(sqlite_static sqlite3 m zlib_static ${CMAKE_DL_LIBS})
static_library(lmdb_static lmdb)
static_library(zstd_static zstd)
static_library(png_static png16 zlib_static m)
static_library(jpeg_static jpeg)
static_library(seccomp_static seccomp)

add_library(third_party INTERFACE)
target_link_libraries(third_party INTERFACE Boost::json Boost::url fmt::fmt-header-only Threads::Threads
                      OpenSSL::SSL OpenSSL::Crypto)

# One precompiled header for Boost, fmt and the standard library, shared by all rooms.
add_library(precompiled STATIC ${CMAKE_CURRENT_SOURCE_DIR}/cmake/precompiled.cpp)
target_include_directories(precompiled PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/src)
target_link_libraries(precompiled PUBLIC third_party)
target_precompile_headers(precompiled PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/cmake/precompiled.hpp)
