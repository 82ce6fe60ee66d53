package microsandbox

import (
	"context"
	"sync"

	"github.com/superradcompany/microsandbox/sdk/go/internal/capi"
)

// Sandbox is a sandbox that this program made, started or connected to. Its methods work in the home where it was found,
// whatever the client of their context. Any goroutine may use it.
type Sandbox struct {
	name   string
	client *capi.Client

	mu      sync.Mutex
	machine uint64 // that Close stops, while it is attached to the client; 0 for none
	closed  bool
}

// CreateSandbox makes a sandbox and boots it: a writable disk, empty over an image ([WithImage]) or a private copy of a
// snapshot's ([WithSnapshot]), and a machine that runs until it is stopped. [Sandbox.Close] stops it, [Client.Close], and
// the end of the program, unless [WithDetached] is given. [WithoutBoot] makes record and disk only, for [RunSandbox] and
// [StartSandbox].
//
// An image that is not cached is pulled; see [WithPullPolicy]. When the machine does not come up, nothing is left of the
// sandbox.
//
// It fails with ErrSandboxAlreadyExists unless [WithReplace] is given; with ErrSnapshotNotFound; with ErrImageNotFound and
// ErrSnapshotImageMissing when the image is not cached and may not be pulled, or its registry does not have it; with
// ErrUnsupportedOperation when the host lacks QEMU or a kernel, and Detail("package") is what to install.
func CreateSandbox(ctx context.Context, name string, opts ...SandboxOption) (*Sandbox, error) {
	var config SandboxConfig
	for _, option := range opts {
		option(&config)
	}
	boot, err := config.BootOptions.start(config.BootCommand, !config.Detached)
	if err != nil {
		return nil, err
	}
	client, err := clientOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := config.create(ctx, client, name); err != nil {
		return nil, err
	}
	sandbox := &Sandbox{name: name, client: client}
	if config.NoBoot {
		return sandbox, nil
	}
	if err := client.StartSandbox(ctx, name, boot); err != nil {
		// What was made is taken back, also when it is the context that has ended.
		_ = client.RemoveSandbox(context.Background(), name)
		return nil, wrap(err)
	}
	sandbox.own(boot.Attached)
	return sandbox, nil
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

// own settles whose machine it is that was just booted.
func (s *Sandbox) own(owned bool) {
	s.client.Detach(s.name) // what ran before has ended
	if owned {
		s.machine = s.client.Attach(s.name)
	}
}

// Close gives the sandbox up, and stops a machine that it owns as [Sandbox.Stop] does; record and disk stay. The second
// time it fails with ErrInvalidHandle, as other methods do then.
func (s *Sandbox) Close() error {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if closed {
		return closedSandbox()
	}
	if !s.client.Attached(s.name, s.machine) {
		return nil
	}
	return stop(context.Background(), s.client, s.name, stopTimeout)
}

// Detach gives the machine up: neither Close nor the end of the program stops it.
func (s *Sandbox) Detach(ctx context.Context) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	if !s.client.Attached(s.name, s.machine) {
		return nil
	}
	return ended(s.client, s.name, s.client.DetachSandbox(s.name))
}

// OwnsLifecycle tells whether Close stops a machine: one that was booted for this Sandbox, neither with [WithDetached] nor
// detached since, and that was not stopped.
func (s *Sandbox) OwnsLifecycle() (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false, closedSandbox()
	}
	return s.client.Attached(s.name, s.machine), nil
}

// OwnsLifecycleOrFalse is OwnsLifecycle, and false when it fails.
func (s *Sandbox) OwnsLifecycleOrFalse() bool {
	owned, _ := s.OwnsLifecycle()
	return owned
}

// usable tells whether the sandbox is still open, and the context too.
func (s *Sandbox) usable(ctx context.Context) error {
	if err := alive(ctx); err != nil {
		return err
	}
	_, err := s.OwnsLifecycle()
	return err
}

func closedSandbox() error { return failure(ErrInvalidHandle, "invalid handle: the sandbox is closed") }

// SandboxHandle is what the registry knew of a sandbox. It does not change, see Refresh; goroutines may share it.
type SandboxHandle struct{ info capi.Sandbox }
