package microsandbox

import (
	"context"
	"errors"
	"io/fs"
	"syscall"

	"github.com/superradcompany/microsandbox/sdk/go/internal/capi"
)

// Error is what the functions of this package fail with.
type Error struct {
	Kind    ErrorKind
	Message string // one line that names the subject, "image not found: alpine:3.20"
	Cause   error  // the error of the context when Kind is ErrCancelled; otherwise mostly nil

	native *capi.Error
}

// Error is the message, followed by the cause when there is one. The kind is no part of it.
func (e *Error) Error() string {
	switch {
	case e.Cause == nil && e.Message == "":
		return e.Kind.String()
	case e.Cause == nil:
		return e.Message
	case e.Message == "":
		return e.Cause.Error()
	}
	return e.Message + ": " + e.Cause.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is makes errors.Is(err, target) true for the kind of the error, for fs.ErrNotExist and fs.ErrExist where the kind says
// so, and for what a failed system call had to say (syscall.ENOSPC, fs.ErrPermission, …).
func (e *Error) Is(target error) bool {
	if kind, asked := target.(ErrorKind); asked {
		return e.Kind.is(kind)
	}
	switch target {
	case fs.ErrNotExist:
		switch e.Kind {
		case ErrSandboxNotFound, ErrImageNotFound, ErrSnapshotNotFound, ErrVolumeNotFound, ErrPathNotFound:
			return true
		}
	case fs.ErrExist:
		switch e.Kind {
		case ErrSandboxAlreadyExists, ErrSnapshotAlreadyExists, ErrVolumeAlreadyExists:
			return true
		}
	}
	if e.native == nil || e.native.OSCode == 0 {
		return false
	}
	errno := syscall.Errno(e.native.OSCode)
	return target == errno || errno.Is(target)
}

// Code is the library's own name of the failure, finer than the kind where several share ErrInternal: "busy",
// "database", "http", …; "" for an error that did not come from the library.
func (e *Error) Code() string {
	if e.native == nil {
		return ""
	}
	return e.native.Status.Tag()
}

// Detail is a fact about the failure: "path", "name", "reference", "platform", "digest", "expected", "actual", "member",
// "offset", "children", "sandboxes", "status", "http_status" of a registry that refused, "package" that the host lacks,
// "exit_code" that a shell has for a command that cannot be run. "" when the error has none of that name.
func (e *Error) Detail(key string) string {
	if e.native == nil {
		return ""
	}
	return e.native.Details[key]
}

// IsKind tells whether err, or an error that it wraps, is an [Error] of this kind.
func IsKind(err error, kind ErrorKind) bool {
	var failure *Error
	return errors.As(err, &failure) && failure.Kind.is(kind)
}

// wrap makes an *Error of what package capi returned.
func wrap(err error) error {
	if err == nil {
		return nil
	}
	var native *capi.Error
	switch {
	case errors.As(err, &native):
		failure := &Error{Kind: kindOf(native.Status), Message: native.Message, native: native}
		if failure.Kind == ErrSnapshotHasChildren {
			failure.Message += "; pass force to remove it anyway"
		}
		return failure
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &Error{Kind: ErrCancelled, Message: err.Error(), Cause: err}
	}
	return &Error{Kind: ErrInternal, Cause: err}
}

// alive tells whether a context can be used: a nil one never, and one that has ended no longer.
func alive(ctx context.Context) error {
	if ctx == nil {
		return failure(ErrInvalidArgument, "invalid argument: the context is nil")
	}
	return wrap(ctx.Err())
}

func failure(kind ErrorKind, message string) error { return &Error{Kind: kind, Message: message} }
