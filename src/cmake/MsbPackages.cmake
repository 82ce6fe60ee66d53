# Debian packages, made by cpack: libmicrosandbox0, libmicrosandbox-dev and msbctl, with debug symbols apart.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME libmicrosandbox)
set(CPACK_PACKAGE_CONTACT "The libmicrosandbox developers <libmicrosandbox@localhost>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_COMPONENTS_ALL runtime development static)
if(TARGET msbctl)
  list(APPEND CPACK_COMPONENTS_ALL cli)
endif()

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/src)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY >=)
set(CPACK_DEBIAN_DEBUGINFO_PACKAGE ON) # strips what it takes the symbols from; CPACK_STRIP_FILES would come before it

set(version "${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME libmicrosandbox0)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_DEPENDS "libarchive13, libcurl4") # loaded when needed, so not seen by shlibdeps
# For sandboxes that run.
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SUGGESTS "qemu-system-x86, linux-image-amd64")
set(CPACK_DEBIAN_DEV_PACKAGE_NAME libmicrosandbox-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "libmicrosandbox0 (= ${version}), libc6-dev")
set(CPACK_DEBIAN_DEV_DEBUGINFO_PACKAGE OFF)
set(CPACK_DEBIAN_CLI_PACKAGE_NAME msbctl)
set(CPACK_DEBIAN_CLI_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_CLI_PACKAGE_DEPENDS "libmicrosandbox0 (= ${version})")

include(CPack)
cpack_add_component_group(dev DESCRIPTION
  "Header, static library, pkg-config and CMake files of libmicrosandbox, disk snapshots and OCI image cache of microsandbox")
cpack_add_component(runtime DESCRIPTION
  "Shared library for disk snapshots and the OCI image cache of microsandbox")
cpack_add_component(development GROUP dev)
cpack_add_component(static GROUP dev)
cpack_add_component(cli DESCRIPTION
  "Command line for disk snapshots and the OCI image cache of microsandbox")
