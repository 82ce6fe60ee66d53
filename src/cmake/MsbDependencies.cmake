# Every library of others that we link, in one place: modules name PkgConfig::<KEY> in their LIBRARIES, and what is
# listed here lands in microsandbox.pc and in the package config for those who link the static library.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

set(MSB_PKGCONFIG_MODULES "" CACHE INTERNAL "KEY=module of every library found")

# msb_dependency(KEY module [OPTIONAL] [HEADERS_ONLY]): looks a pkg-config module up, once for all directories.
# HEADERS_ONLY: nobody links it; a module adds ${KEY_INCLUDE_DIRS} and loads the library itself.
function(msb_dependency key module)
  cmake_parse_arguments(ARG "OPTIONAL;HEADERS_ONLY" "" "" ${ARGN})
  if(NOT ARG_OPTIONAL)
    set(required REQUIRED)
  endif()
  pkg_check_modules(${key} ${required} QUIET IMPORTED_TARGET GLOBAL ${module})
  if(${key}_FOUND AND NOT ARG_HEADERS_ONLY)
    set(MSB_PKGCONFIG_MODULES ${MSB_PKGCONFIG_MODULES} ${key}=${module} CACHE INTERNAL "")
  endif()
endfunction()

msb_dependency(ZLIB zlib)
msb_dependency(ISAL libisal OPTIONAL)
msb_dependency(ZSTD libzstd)
msb_dependency(ARCHIVE libarchive HEADERS_ONLY)
msb_dependency(BLAKE3 libblake3 OPTIONAL)
msb_dependency(CRYPTO libcrypto)
msb_dependency(JANSSON jansson)
msb_dependency(SQLITE sqlite3)
msb_dependency(EXT2FS ext2fs)
msb_dependency(CURL libcurl HEADERS_ONLY)
