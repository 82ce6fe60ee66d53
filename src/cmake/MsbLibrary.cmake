# The two libraries people link: all modules as one shared object that exports what libmicrosandbox.map lists, and the
# same objects as one archive. And how both are installed.
include(CMakePackageConfigHelpers)

get_property(MSB_MODULES GLOBAL PROPERTY MSB_MODULES)
get_property(MSB_LIBRARIES GLOBAL PROPERTY MSB_LIBRARIES)
list(REMOVE_DUPLICATES MSB_LIBRARIES)
list(TRANSFORM MSB_MODULES REPLACE "(.+)" "$<TARGET_OBJECTS:msb_\\1>" OUTPUT_VARIABLE MSB_OBJECTS)

add_library(microsandbox SHARED ${MSB_OBJECTS})
add_library(microsandbox_static STATIC ${MSB_OBJECTS})

foreach(library microsandbox microsandbox_static)
  add_library(microsandbox::${library} ALIAS ${library})
  set_target_properties(${library} PROPERTIES OUTPUT_NAME microsandbox LINKER_LANGUAGE CXX)
  target_link_libraries(${library} PRIVATE ${MSB_LIBRARIES})
  target_include_directories(${library} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                                               $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endforeach()

# The map names every export; what a static dependency brings along stays inside.
set(map ${PROJECT_SOURCE_DIR}/src/capi/libmicrosandbox.map)
target_link_options(microsandbox PRIVATE -Wl,--version-script=${map} -Wl,--no-undefined -Wl,--exclude-libs,ALL)
set_target_properties(microsandbox PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0 LINK_DEPENDS ${map})

# A program in C that links the archive needs the C++ runtime without knowing it.
target_link_libraries(microsandbox_static INTERFACE $<LINK_ONLY:stdc++> $<LINK_ONLY:m>)

if(NOT MSB_INSTALL)
  return()
endif()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/microsandbox)
install(FILES ${PROJECT_SOURCE_DIR}/include/microsandbox.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        COMPONENT development)
install(TARGETS microsandbox EXPORT microsandboxTargets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development)
install(TARGETS microsandbox_static EXPORT microsandboxStaticTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT static)
install(EXPORT microsandboxTargets NAMESPACE microsandbox:: DESTINATION ${package_dir} COMPONENT development)
install(EXPORT microsandboxStaticTargets NAMESPACE microsandbox:: DESTINATION ${package_dir} COMPONENT static)

# Whoever links the archive looks our dependencies up again, under the names that the export uses.
list(TRANSFORM MSB_PKGCONFIG_MODULES
     REPLACE "(.+)=(.+)" "pkg_check_modules(\\1 REQUIRED QUIET IMPORTED_TARGET GLOBAL \\2)" OUTPUT_VARIABLE lookups)
list(JOIN lookups "\n  " MSB_STATIC_LOOKUPS)
configure_package_config_file(${PROJECT_SOURCE_DIR}/pkgconfig/microsandboxConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/microsandboxConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/microsandboxConfigVersion.cmake COMPATIBILITY SameMinorVersion)

foreach(dependency ${MSB_PKGCONFIG_MODULES})
  string(REGEX REPLACE "=.+" "" key ${dependency})
  list(APPEND private ${${key}_LDFLAGS})
endforeach()
list(FILTER private EXCLUDE REGEX "^-L/usr/lib")
list(JOIN private " " MSB_PC_LIBS_PRIVATE)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig
           OUTPUT_VARIABLE MSB_PC_PREFIX)
foreach(name microsandbox microsandbox-static)
  configure_file(${PROJECT_SOURCE_DIR}/pkgconfig/${name}.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
endforeach()

install(FILES ${PROJECT_BINARY_DIR}/microsandboxConfig.cmake ${PROJECT_BINARY_DIR}/microsandboxConfigVersion.cmake
        DESTINATION ${package_dir} COMPONENT development)
install(FILES ${PROJECT_BINARY_DIR}/microsandbox.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
install(FILES ${PROJECT_BINARY_DIR}/microsandbox-static.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT static)

# Programs find the library where the loader looks; where it does not, whoever installs is told what to do.
set(MSB_INSTALL_LIBDIR ${CMAKE_INSTALL_LIBDIR})
configure_file(${CMAKE_CURRENT_LIST_DIR}/tell_loader.cmake.in ${PROJECT_BINARY_DIR}/tell_loader.cmake @ONLY)
install(SCRIPT ${PROJECT_BINARY_DIR}/tell_loader.cmake COMPONENT runtime)

# The manual page is made of the header where there is a Python to do it.
find_package(Python3 QUIET COMPONENTS Interpreter)
if(Python3_FOUND)
  set(page ${PROJECT_BINARY_DIR}/microsandbox.3)
  set(script ${PROJECT_SOURCE_DIR}/src/cmake/header_manual.py)
  set(header ${PROJECT_SOURCE_DIR}/include/microsandbox.h)
  add_custom_command(OUTPUT ${page} DEPENDS ${script} ${header}
                     COMMAND Python3::Interpreter ${script} ${header} ${PROJECT_VERSION} > ${page} VERBATIM)
  add_custom_target(microsandbox_manual ALL DEPENDS ${page})
  install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man3 COMPONENT development)
endif()
