# millrace_room(NAME [USES ROOM ...] [LIBRARIES TARGET ...])
#   The folder src/NAME becomes the static library `NAME`; the .cpp files below tests/unit/NAME become the test program
#   `test_NAME`, where they include what they share by its path below tests. USES names the rooms below it: the same
#   table stands in docs/architecture.md and is enforced on the #include lines by tests/structure/rooms.py.
function(millrace_room name)
  cmake_parse_arguments(ROOM "" "" "USES;LIBRARIES;EXCLUDE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cpp)
  foreach(pattern ${ROOM_EXCLUDE})
    list(FILTER sources EXCLUDE REGEX "/src/${name}/${pattern}")
  endforeach()
  if(NOT sources)
    return()   # a room that is headers only, or not yet furnished
  endif()
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_precompile_headers(${name} REUSE_FROM precompiled)
  list(TRANSFORM ROOM_USES REPLACE "(.+)" "$<TARGET_NAME_IF_EXISTS:\\1>")
  target_link_libraries(${name} PUBLIC ${ROOM_USES} precompiled ${ROOM_LIBRARIES})

  file(GLOB_RECURSE tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/${name}/*.cpp)
  if(tests)
    if(NOT EXISTS ${CMAKE_SOURCE_DIR}/tests/unit/${name}/main.cpp)   # one of its own takes its place
      list(APPEND tests ${CMAKE_SOURCE_DIR}/tests/unit/main.cpp)
    endif()
    add_executable(test_${name} ${tests})
    target_include_directories(test_${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
    target_link_libraries(test_${name} PRIVATE ${name} doctest::doctest)
    target_precompile_headers(test_${name} REUSE_FROM precompiled)
    target_compile_definitions(test_${name} PRIVATE MILLRACE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    add_test(NAME unit.${name} COMMAND test_${name})
  endif()
endfunction()
