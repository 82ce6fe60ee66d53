package microsandbox

import (
	"context"
	"sync"

	"github.com/superradcompany/microsandbox/sdk/go/internal/capi"
)

// Sandbox is a sandbox that this program made. Its machine does not run: this package registers sandboxes and makes their
// disks, and leaves it to microsandbox to boot them. Any goroutine may use it.
type Sandbox struct {
	name string

	mu     sync.Mutex
	owned  bool
	closed bool
}

// CreateSandbox registers a stopped sandbox and makes its writable disk: an empty one over an image of the cache
// ([WithImage]), or a private copy of a snapshot's ([WithSnapshot]). `msb start` boots it.
//
// It fails with ErrSandboxAlreadyExists unless [WithReplace] is given, ErrImageNotFound when the image is not in the cache,
// ErrSnapshotNotFound, and ErrSnapshotImageMissing when the cache lacks the image that the snapshot needs.
func CreateSandbox(ctx context.Context, name string, opts ...SandboxOption) (*Sandbox, error) {
	var config SandboxConfig
	for _, option := range opts {
		option(&config)
	}
	native, err := config.native()
	if err != nil {
		return nil, err
	}
	client, err := clientOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := client.CreateSandbox(ctx, name, native); err != nil {
		return nil, wrap(err)
	}
	return &Sandbox{name: name, owned: !config.Detached}, nil
}

// GetSandbox looks a sandbox up.
func GetSandbox(ctx context.Context, name string) (*SandboxHandle, error) {
	client, err := clientOf(ctx)
	if err != nil {
		return nil, err
	}
	info, err := client.GetSandbox(ctx, name)
	if err != nil {
		return nil, wrap(err)
	}
	return &SandboxHandle{info}, nil
}

// ListSandboxes returns every sandbox, newest first; never nil.
func ListSandboxes(ctx context.Context) ([]*SandboxHandle, error) {
	return ListSandboxesWith(ctx, NewSandboxFilter())
}

// ListSandboxesWith returns the sandboxes that pass a filter, newest first; never nil.
func ListSandboxesWith(ctx context.Context, filter SandboxFilter) ([]*SandboxHandle, error) {
	client, err := clientOf(ctx)
	if err != nil {
		return nil, err
	}
	list, err := client.ListSandboxes(ctx, filter.labels)
	if err != nil {
		return nil, wrap(err)
	}
	handles := make([]*SandboxHandle, len(list))
	for i, info := range list {
		handles[i] = &SandboxHandle{info}
	}
	return handles, nil
}

// SandboxFilter selects sandboxes. The zero value, and [NewSandboxFilter], select all.
type SandboxFilter struct{ labels map[string]string }

// NewSandboxFilter selects all sandboxes.
func NewSandboxFilter() SandboxFilter { return SandboxFilter{} }

// WithLabels selects of f those that have all these labels.
func (f SandboxFilter) WithLabels(labels map[string]string) SandboxFilter {
	return SandboxFilter{merged(f.labels, labels)}
}

// RemoveSandbox removes a sandbox: its record, its disk and its logs. Snapshots of it stay. One that runs is
// ErrSandboxStillRunning.
func RemoveSandbox(ctx context.Context, name string) error {
	client, err := clientOf(ctx)
	if err != nil {
		return err
	}
	return wrap(client.RemoveSandbox(ctx, name))
}

// Name is the name of the sandbox.
func (s *Sandbox) Name() string { return s.name }

// Close gives the sandbox up; its record and disk stay. The second time it fails with ErrInvalidHandle, as other methods
// do then.
func (s *Sandbox) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return closedSandbox()
	}
	s.closed = true
	return nil
}

// Detach makes the sandbox outlive its owner. Its machine does not run, so this only changes what OwnsLifecycle says.
func (s *Sandbox) Detach(ctx context.Context) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owned = false
	return nil
}

// OwnsLifecycle tells whether the sandbox was made without [WithDetached], and not detached since.
func (s *Sandbox) OwnsLifecycle() (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false, closedSandbox()
	}
	return s.owned, nil
}

// OwnsLifecycleOrFalse is OwnsLifecycle, and false when it fails.
func (s *Sandbox) OwnsLifecycleOrFalse() bool {
	owned, _ := s.OwnsLifecycle()
	return owned
}

// usable tells whether the sandbox is still open, and the context too.
func (s *Sandbox) usable(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return wrap(err)
	}
	_, err := s.OwnsLifecycle()
	return err
}

func closedSandbox() error { return failure(ErrInvalidHandle, "invalid handle: the sandbox is closed") }

// SandboxHandle is what the registry knew of a sandbox. It does not change, see Refresh; goroutines may share it.
type SandboxHandle struct{ info capi.Sandbox }
