# One CMake target per folder of src. A module links just the modules named here, so an include of anything else does
# not find its header's symbols, and tests/abi holds the #include lines against the same list.
include(GNUInstallDirs)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 99)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

add_library(msb_flags INTERFACE)
target_compile_definitions(msb_flags INTERFACE _FILE_OFFSET_BITS=64 $<$<COMPILE_LANGUAGE:C>:_GNU_SOURCE>)
if(MSB_WERROR)
  # GCC 12 sees overlapping copies inside std::string where there are none (its bug 105651).
  target_compile_options(msb_flags INTERFACE -Wall -Wextra -Wconversion -Wshadow -Wno-restrict -Werror)
endif()

# msb_module(NAME SOURCES file... [USES module...] [LIBRARIES target...])
function(msb_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES;LIBRARIES" ${ARGN})
  add_library(msb_${name} STATIC ${ARG_SOURCES})
  target_include_directories(msb_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(msb_${name} PRIVATE msb_flags)
  foreach(module ${ARG_USES})
    target_link_libraries(msb_${name} PUBLIC msb_${module})
  endforeach()
  target_link_libraries(msb_${name} PUBLIC ${ARG_LIBRARIES})
  set_property(GLOBAL APPEND PROPERTY MSB_MODULES ${name})
  set_property(GLOBAL APPEND PROPERTY MSB_LIBRARIES ${ARG_LIBRARIES})
  set_property(GLOBAL PROPERTY MSB_USES_${name} "${ARG_USES}")
endfunction()
