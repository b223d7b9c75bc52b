# One description for both packages: `cpack -G DEB` and `cpack -G RPM` in the build folder. They carry the official
# libtorch, privately: the entry `official` of MILLRACE_TORCH_DIRS.
if(NOT TARGET millrace OR MILLRACE_ASAN OR MILLRACE_TSAN)
  return()
endif()
set(official_prefix "")
foreach(entry IN LISTS MILLRACE_TORCH_DIRS)
  if(entry MATCHES "^official=(.+)$")
    set(official_prefix ${CMAKE_MATCH_1})
  endif()
endforeach()
if(NOT official_prefix)
  message(STATUS "packages: not without the official libtorch (MILLRACE_TORCH_DIRS official=PREFIX)")
  return()
endif()

set(package_files ${CMAKE_BINARY_DIR}/package_files)

# What the program says about itself: manual page and completions.
find_program(GZIP_PROGRAM gzip REQUIRED)
add_custom_command(
  OUTPUT ${package_files}/millrace.1.gz ${package_files}/completion.bash ${package_files}/completion.zsh
         ${package_files}/completion.fish ${package_files}/changelog.Debian.gz
  COMMAND ${CMAKE_COMMAND} -E make_directory ${package_files}
  COMMAND millrace man > ${package_files}/millrace.1
  COMMAND ${GZIP_PROGRAM} -9nf ${package_files}/millrace.1
  COMMAND millrace completion bash > ${package_files}/completion.bash
  COMMAND millrace completion zsh > ${package_files}/completion.zsh
  COMMAND millrace completion fish > ${package_files}/completion.fish
  COMMAND ${GZIP_PROGRAM} -9nc ${CMAKE_SOURCE_DIR}/packaging/debian/changelog > ${package_files}/changelog.Debian.gz
  DEPENDS millrace ${CMAKE_SOURCE_DIR}/packaging/debian/changelog
  COMMENT "Writing the manual page and the completions")
add_custom_target(package_files ALL DEPENDS ${package_files}/millrace.1.gz)

# The packaged configuration is the documented default with the places of a service.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/embedded/millrace.toml)
file(READ ${CMAKE_SOURCE_DIR}/embedded/millrace.toml packaged_settings)
foreach(setting "data=/var/lib/millrace" "socket=/run/millrace/admin.sock")
  string(REGEX MATCH "^([a-z]+)=(.*)$" ignored ${setting})
  set(documented "#${CMAKE_MATCH_1} = \"/path\"")
  string(FIND "${packaged_settings}" "\n${documented}\n" found)
  if(found EQUAL -1)
    message(FATAL_ERROR "embedded/millrace.toml has no line ${documented}, which the packages replace")
  endif()
  string(REPLACE "\n${documented}\n" "\n${CMAKE_MATCH_1} = \"${CMAKE_MATCH_2}\"\n" packaged_settings "${packaged_settings}")
endforeach()
file(WRITE ${package_files}/millrace.toml "${packaged_settings}")

install(TARGETS millrace RUNTIME DESTINATION bin)
install(TARGETS torch_module_official LIBRARY DESTINATION lib/millrace
        PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
# What libtorch_cpu loads, without the symbol tables (a fifth of it).
foreach(library libtorch_cpu.so libc10.so libgomp.so.1)
  install(FILES ${official_prefix}/lib/${library} DESTINATION lib/millrace/torch/lib)
  install(CODE "execute_process(COMMAND ${CMAKE_STRIP} --strip-unneeded
    \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/millrace/torch/lib/${library}\" COMMAND_ERROR_IS_FATAL ANY)")
endforeach()
install(FILES systemd/millrace.service DESTINATION lib/systemd/system)
install(FILES ${package_files}/millrace.toml DESTINATION /etc/millrace)
install(FILES ${package_files}/millrace.1.gz DESTINATION share/man/man1)
install(FILES ${package_files}/completion.bash DESTINATION share/bash-completion/completions RENAME millrace)
install(FILES ${package_files}/completion.zsh DESTINATION share/zsh/vendor-completions RENAME _millrace)
install(FILES ${package_files}/completion.fish DESTINATION share/fish/vendor_completions.d RENAME millrace.fish)
install(FILES packaging/debian/copyright ${package_files}/changelog.Debian.gz DESTINATION share/doc/millrace)
install(FILES docs/examples/checksums.py docs/examples/worker.py docs/examples/worker.sh DESTINATION share/doc/millrace/examples)
install(FILES packaging/debian/lintian-overrides DESTINATION share/lintian/overrides RENAME millrace)
# The wheel keeps its notices beside the folder `torch`; an unpacked copy of the libraries alone, within it.
file(GLOB torch_notices ${official_prefix}/licenses ${official_prefix}/../torch-*.dist-info/licenses)
if(NOT torch_notices)
  message(FATAL_ERROR "packages: the notices of libtorch are neither in ${official_prefix}/licenses nor beside it")
endif()
list(GET torch_notices 0 torch_notices)
install(DIRECTORY ${torch_notices}/ DESTINATION share/doc/millrace/libtorch
        FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)

set(CPACK_PACKAGE_NAME millrace)
set(CPACK_PACKAGE_VENDOR "Millrace")
set(CPACK_PACKAGE_CONTACT "Millrace maintainers <packages@millrace.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "durable jobs and model inference on one machine")
set(CPACK_PACKAGE_DESCRIPTION
"Millrace takes in work over HTTP, keeps it in a durable queue on disk, runs
it on the processors of this machine and serves TorchScript models. One
daemon with its own web page and command line replaces a web framework, a
broker, a task queue and a model server.
.
The official CPU build of libtorch comes with it, private to the daemon.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_GENERATOR DEB)
set(CPACK_THREADS 0)

set(debian ${CMAKE_SOURCE_DIR}/packaging/debian)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE zstd)   # a fifth of the time of xz for a tenth more bytes
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${official_prefix}/lib)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_DEPENDS adduser)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS tzdata)   # schedules in other zones than UTC
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${debian}/postinst ${debian}/prerm ${debian}/postrm ${debian}/conffiles)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(rpm ${CMAKE_SOURCE_DIR}/packaging/rpm)
set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
set(CPACK_RPM_PACKAGE_RELOCATABLE OFF)
set(CPACK_RPM_PACKAGE_LICENSE "Apache-2.0 AND BSD-3-Clause")
set(CPACK_RPM_PACKAGE_GROUP "System Environment/Daemons")
set(CPACK_RPM_PACKAGE_REQUIRES_PRE "shadow-utils")
set(CPACK_RPM_PACKAGE_SUGGESTS tzdata)
set(CPACK_RPM_PRE_INSTALL_SCRIPT_FILE ${rpm}/pre_install.sh)
set(CPACK_RPM_POST_INSTALL_SCRIPT_FILE ${rpm}/post_install.sh)
set(CPACK_RPM_PRE_UNINSTALL_SCRIPT_FILE ${rpm}/pre_remove.sh)
set(CPACK_RPM_POST_UNINSTALL_SCRIPT_FILE ${rpm}/post_remove.sh)
set(CPACK_RPM_USER_FILELIST "%config(noreplace) /etc/millrace/millrace.toml")
set(CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION
    /etc /usr/lib /usr/lib/systemd /usr/lib/systemd/system /usr/share/bash-completion /usr/share/bash-completion/completions
    /usr/share/doc /usr/share/fish /usr/share/fish/vendor_completions.d /usr/share/lintian /usr/share/lintian/overrides
    /usr/share/man /usr/share/man/man1 /usr/share/zsh /usr/share/zsh/vendor-completions)
# The private libraries are nobody else's, and need nobody else's; no debug package, no build-id links.
set(CPACK_RPM_SPEC_MORE_DEFINE
"%define _binary_payload w3.zstdio
%define debug_package %{nil}
%define _build_id_links none
%define __requires_exclude ^lib(torch|torch_cpu|c10|gomp)\\\\..*
%define __provides_exclude_from ^/usr/lib/millrace/.*
%define __os_install_post %{nil}")
include(CPack)
