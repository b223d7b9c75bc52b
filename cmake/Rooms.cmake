# millrace_room(NAME [BOTH_DATABASES] [USES ROOM ...] [LIBRARIES TARGET ...] [EXCLUDE FOLDER/] [HEADERS HEADER ...])
#   The folder src/NAME becomes the static library `NAME`; the .cpp files below tests/unit/NAME become the test program
#   `test_NAME`, where they include what they share by its path below tests. USES names the rooms below it: the same
#   table stands in docs/architecture.md and is enforced on the #include lines by tests/structure/rooms.py.
#   BOTH_DATABASES: the tests run once on SQLite, and once more on a PostgreSQL server of their own.
#   HEADERS: it has a precompiled header of its own with these, and is compiled with -O1: for a room whose speed matters little.
function(millrace_room name)
  cmake_parse_arguments(ROOM "BOTH_DATABASES" "" "USES;LIBRARIES;EXCLUDE;HEADERS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cpp)
  foreach(pattern ${ROOM_EXCLUDE})
    list(FILTER sources EXCLUDE REGEX "/src/${name}/${pattern}")
  endforeach()
  if(NOT sources)
    return()   # a room that is headers only, or not yet furnished
  endif()
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  if(ROOM_HEADERS)
    target_precompile_headers(${name} PRIVATE ${ROOM_HEADERS})   # with those of `precompiled`
    target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1>)
  else()
    target_precompile_headers(${name} REUSE_FROM precompiled)
  endif()
  list(TRANSFORM ROOM_USES REPLACE "(.+)" "$<TARGET_NAME_IF_EXISTS:\\1>")
  target_link_libraries(${name} PUBLIC ${ROOM_USES} precompiled ${ROOM_LIBRARIES})

  file(GLOB_RECURSE tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/${name}/*.cpp)
  if(tests)
    add_executable(test_${name} ${tests})   # a main.cpp of its own takes the place of the usual one
    target_include_directories(test_${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
    target_link_libraries(test_${name} PRIVATE ${name} precompiled_tests)
    target_precompile_headers(test_${name} REUSE_FROM precompiled_tests)
    target_compile_options(test_${name} PRIVATE $<$<CONFIG:Release>:-Og>)
    target_compile_definitions(test_${name} PRIVATE MILLRACE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    add_test(NAME unit.${name} COMMAND test_${name})
    if(ROOM_BOTH_DATABASES)
      add_test(NAME unit.${name}.postgres
               COMMAND ${CMAKE_SOURCE_DIR}/tests/support/postgres_server.py $<TARGET_FILE:test_${name}> "-sfe=*/sqlite/*")
      # 77: there is no server to start. A seed takes a hundred times as long there.
      set_tests_properties(unit.${name}.postgres PROPERTIES SKIP_RETURN_CODE 77 ENVIRONMENT MILLRACE_SIMULATION_SEEDS=200)
    endif()
  endif()
endfunction()
