// Package capi holds every crossing between Go and libmicrosandbox. What leaves it is plain Go: structs whose strings are
// copies, *Error, and nothing that has to be freed but a Client.
//
// The library is found with pkg-config, as package microsandbox. The build tag microsandbox_static links the static
// library and what it needs.
package capi

/*
#include <microsandbox.h>
*/
import "C"

import "fmt"

// Version is the version of the library that is loaded.
func Version() string { return C.GoString(C.msb_version()) }

// HeaderVersion is the version of the header that this package was compiled with.
func HeaderVersion() string {
	return fmt.Sprintf("%d.%d.%d", C.MSB_VERSION_MAJOR, C.MSB_VERSION_MINOR, C.MSB_VERSION_PATCH)
}

// CheckLibrary tells whether the library that is loaded has the ABI that this package was compiled for.
func CheckLibrary() error {
	loaded, wanted := uint32(C.msb_abi_version()), uint32(C.MSB_ABI_VERSION)
	if loaded/1000 == wanted/1000 && loaded >= wanted {
		return nil
	}
	return &Error{
		Status:  LibraryNotLoaded,
		Message: fmt.Sprintf("library not loaded: libmicrosandbox %s has ABI %d, this program needs %d", Version(), loaded, wanted),
	}
}

// LiveHandles is the number of objects of the library that are alive in this process.
func LiveHandles() int { return int(C.msb_live_handles()) }

// PhaseName is the library's name of a phase of progress.
func PhaseName(phase uint32) string { return C.GoString(C.msb_progress_phase_name(C.uint32_t(phase))) }
