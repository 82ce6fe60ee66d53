package capi

/*
#include <microsandbox.h>
#include <stdlib.h>
*/
import "C"

import (
	"errors"
	"unsafe"
)

// Status is the kind of a failure, MSB_ERR_… of the header.
type Status int32

// The kinds that this binding itself makes or looks for.
const (
	InvalidArgument      Status = C.MSB_ERR_INVALID_ARGUMENT
	InvalidHandle        Status = C.MSB_ERR_INVALID_HANDLE
	Cancelled            Status = C.MSB_ERR_CANCELLED
	DeadlineExceeded     Status = C.MSB_ERR_DEADLINE_EXCEEDED
	LibraryNotLoaded     Status = C.MSB_ERR_LIBRARY_NOT_LOADED
	SandboxNotFound      Status = C.MSB_ERR_SANDBOX_NOT_FOUND
	SandboxNotRunning    Status = C.MSB_ERR_SANDBOX_NOT_RUNNING
	SandboxStillRunning  Status = C.MSB_ERR_SANDBOX_STILL_RUNNING
	ImageNotFound        Status = C.MSB_ERR_IMAGE_NOT_FOUND
	SnapshotImageMissing Status = C.MSB_ERR_SNAPSHOT_IMAGE_MISSING
)

// Name is the kind in Go spelling, without Err.
func (s Status) Name() string { return C.GoString(C.msb_status_name(C.msb_status(s))) }

// Tag is the kind in snake case.
func (s Status) Tag() string { return C.GoString(C.msb_status_tag(C.msb_status(s))) }

// Error is a failure that the library reported.
type Error struct {
	Status  Status
	Message string
	OSCode  int               // errno, or 0
	Details map[string]string // facts about it, by the keys of msb_error_detail; nil when it has none
}

func (e *Error) Error() string { return e.Message }

// StatusOf is the status of a failure that the library reported; 0 for any other error, and for nil.
func StatusOf(err error) Status {
	var failure *Error
	if errors.As(err, &failure) {
		return failure.Status
	}
	return C.MSB_OK
}

// The facts that errors of the library may have; msb_error_detail lists none, it only looks up.
var detailKeys = [...]string{
	"path", "name", "reference", "platform", "digest", "expected", "actual", "member", "offset", "children", "sandboxes",
	"status", "http_status", "package", "exit_code",
}

// takeError turns what a call returned into a Go error, and frees it.
func takeError(status C.msb_status, native *C.msb_error) error {
	if status == C.MSB_OK {
		return nil
	}
	defer C.msb_handle_free(unsafe.Pointer(native))
	failure := &Error{
		Status:  Status(status),
		Message: C.GoString(C.msb_error_message(native)),
		OSCode:  int(C.msb_error_os_code(native)),
	}
	for _, key := range detailKeys {
		name := C.CString(key)
		value := C.msb_error_detail(native, name)
		C.free(unsafe.Pointer(name))
		if value == nil {
			continue
		}
		if failure.Details == nil {
			failure.Details = make(map[string]string)
		}
		failure.Details[key] = C.GoString(value)
	}
	return failure
}
