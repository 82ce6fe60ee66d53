package microsandbox_test

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	m "github.com/superradcompany/microsandbox/sdk/go"
)

func TestErrorText(t *testing.T) {
	cause := errors.New("cause")
	for want, err := range map[string]*m.Error{
		"message: cause": {Kind: m.ErrIO, Message: "message", Cause: cause},
		"message":        {Kind: m.ErrIO, Message: "message"},
		"cause":          {Kind: m.ErrIO, Cause: cause},
		"IO":             {Kind: m.ErrIO},
	} {
		if got := err.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if err.Unwrap() != err.Cause {
			t.Errorf("%v does not unwrap to its cause", err)
		}
	}
}

func TestKindNumbersArePinned(t *testing.T) {
	for kind, number := range map[m.ErrorKind]int{
		m.ErrUnknown: 0, m.ErrSandboxNotFound: 1, m.ErrSandboxNotRunning: 2, m.ErrSandboxAlreadyExists: 3,
		m.ErrSandboxStillRunning: 4, m.ErrVolumeNotFound: 5, m.ErrVolumeAlreadyExists: 6, m.ErrExecTimeout: 7,
		m.ErrExecFailed: 8, m.ErrFilesystem: 9, m.ErrPathNotFound: 10, m.ErrImageNotFound: 11, m.ErrImageInUse: 12,
		m.ErrImagePullFailed: 13, m.ErrSnapshotNotFound: 14, m.ErrSnapshotAlreadyExists: 15,
		m.ErrSnapshotSandboxRunning: 16, m.ErrSnapshotImageMissing: 17, m.ErrSnapshotIntegrity: 18, m.ErrPatchFailed: 19,
		m.ErrNetworkPolicy: 20, m.ErrSecretViolation: 21, m.ErrTLS: 22, m.ErrIO: 23, m.ErrInvalidConfig: 24,
		m.ErrInvalidArgument: 25, m.ErrInvalidHandle: 26, m.ErrBufferTooSmall: 27, m.ErrCancelled: 28,
		m.ErrLibraryNotLoaded: 29, m.ErrMetricsDisabled: 30, m.ErrMetricsUnavailable: 31, m.ErrUnsupportedOperation: 32,
		m.ErrInternal: 33, m.ErrSnapshotMigration: 34, m.ErrNoDefaultCommand: 35,
		m.ErrSnapshotHasChildren: 36, m.ErrSnapshotArchive: 37,
	} {
		if int(kind) != number {
			t.Errorf("%v is %d, want %d", kind, int(kind), number)
		}
	}
	for _, other := range []m.ErrorKind{-1, 38, 1000} {
		if other.String() != "Unknown" {
			t.Errorf("kind %d prints %q", int(other), other.String())
		}
	}
}

// Every status of the library has a kind, and every kind but those of later tables has a status.
func TestKindsAreTheTableOfTheLibrary(t *testing.T) {
	reached := map[m.ErrorKind]bool{m.ErrUnknown: true}
	for value := 1; value < 1000; value++ {
		name, tag, kind := m.StatusOf(value)
		if tag == "unknown" {
			continue
		}
		reached[kind] = true
		if kind.String() != name {
			t.Errorf("status %d is %s in the library and %v here", value, name, kind)
		}
	}
	for kind := m.ErrorKind(0); int(kind) < m.KindCount; kind++ {
		if !reached[kind] {
			t.Errorf("no status of the library leads to %v", kind)
		}
	}
}

func TestIsKind(t *testing.T) {
	err := fmt.Errorf("outer: %w", &m.Error{Kind: m.ErrImageInUse, Message: "in use"})
	if !m.IsKind(err, m.ErrImageInUse) || m.IsKind(err, m.ErrImageNotFound) {
		t.Error("IsKind does not look through wrapping")
	}
	if m.IsKind(nil, m.ErrUnknown) || m.IsKind(errors.New("other"), m.ErrUnknown) {
		t.Error("IsKind finds kinds where there are none")
	}
	if !errors.Is(err, m.ErrImageInUse) || errors.Is(err, m.ErrImageNotFound) {
		t.Error("errors.Is does not find the kind")
	}
}

func TestErrorsOfTheLibrary(t *testing.T) {
	ctx, _ := newHome(t)
	_, err := m.Image.Get(ctx, "no/such:1")
	wantKind(t, err, m.ErrImageNotFound)
	var failure *m.Error
	if !errors.As(err, &failure) {
		t.Fatalf("%T is no *Error", err)
	}
	if !strings.HasPrefix(err.Error(), "image not found: ") || failure.Cause != nil {
		t.Errorf("got %q with cause %v", err, failure.Cause)
	}
	if failure.Code() != "image_not_found" {
		t.Errorf("code is %q", failure.Code())
	}
	if !errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
		t.Error("what is not found does not count as fs.ErrNotExist")
	}
}

func TestErrnoIsKept(t *testing.T) {
	ctx, _ := newHome(t)
	missing := filepath.Join(t.TempDir(), "missing.tar")
	_, err := m.Image.Load(ctx, missing)
	wantKind(t, err, m.ErrIO)
	if !errors.Is(err, syscall.ENOENT) || !errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		t.Errorf("errno of %v is lost", err)
	}
	var failure *m.Error
	if errors.As(err, &failure); failure.Detail("path") != missing || failure.Detail("digest") != "" {
		t.Errorf("facts of %v are lost: path %q", err, failure.Detail("path"))
	}
}

func TestNULIsRefused(t *testing.T) {
	ctx, _ := newHome(t)
	_, err := m.Image.Get(ctx, "demo\x00/app:1")
	wantKind(t, err, m.ErrInvalidArgument)
	_, err = m.Image.Load(ctx, "image.tar", "good:1", "bad\x00:1")
	wantKind(t, err, m.ErrInvalidArgument)
	wantKind(t, m.Image.Save(ctx, []string{"a\x00b"}, "out.tar", ""), m.ErrInvalidArgument)
	_, err = m.OpenClient(m.ClientOptions{Home: "/tmp/\x00"})
	wantKind(t, err, m.ErrInvalidArgument)
}

func TestTextThatIsNotUTF8IsRefused(t *testing.T) {
	ctx, _ := newHome(t)
	_, err := m.Image.Get(ctx, "demo/\xff:1")
	wantKind(t, err, m.ErrInvalidArgument)
}
