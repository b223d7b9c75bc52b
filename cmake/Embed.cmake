# millrace_embed(TARGET NAME FOLDER FILES...)
#   A static library TARGET that defines millrace::embedded::NAME() (base/embedded.hpp) with the FILES, which lie
#   below FOLDER and are found by their path relative to it. The assembler takes the bytes in, so a large file costs
#   no compile time, and a changed one is a rebuild of one small object. No files is fine.
function(millrace_embed target name folder)
  set(files ${ARGN})
  list(REMOVE_DUPLICATES files)
  set(paths "")
  foreach(file ${files})
    file(RELATIVE_PATH path ${folder} ${file})
    list(APPEND paths ${path})
  endforeach()
  list(SORT paths)   # by code point, as std::string_view compares

  set(sections "")
  set(declarations "")
  set(entries "")
  set(index 0)
  foreach(path ${paths})
    set(symbol "millrace_embedded_${name}_${index}")
    string(APPEND sections "    \".balign 16\\n${symbol}_begin:\\n.incbin \\\"${folder}/${path}\\\"\\n${symbol}_end:\\n.byte 0\\n\"\n")
    string(APPEND declarations "extern const std::byte ${symbol}_begin[] __attribute__((visibility(\"hidden\")));\nextern const std::byte ${symbol}_end[] __attribute__((visibility(\"hidden\")));\n")
    string(APPEND entries "        File{\"${path}\", {${symbol}_begin, ${symbol}_end}},\n")
    math(EXPR index "${index} + 1")
  endforeach()

  set(source ${CMAKE_CURRENT_BINARY_DIR}/${target}.cpp)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT [[// Made by cmake/Embed.cmake.
#include "base/embedded.hpp"

#include <array>

asm(".pushsection .rodata\n"
@sections@    ".popsection\n");

extern "C" {
@declarations@}

namespace millrace::embedded {

const Files& @name@() {
    static const std::array<File, @index@> files{
@entries@    };
    static const Files all{files};
    return all;
}

} // namespace millrace::embedded
]])
  list(TRANSFORM paths PREPEND ${folder}/)
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS "${paths}")
  add_library(${target} STATIC ${source})
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR}/src)
endfunction()
