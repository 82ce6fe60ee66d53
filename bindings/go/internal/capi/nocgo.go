//go:build !cgo

package capi

// Without cgo there is no library to call. The compiler says so by the name of what it misses.
var _ = this_package_needs_cgo__set_CGO_ENABLED_1_and_install_a_C_compiler_and_pkg_config
