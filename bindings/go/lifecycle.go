package microsandbox

import (
	"context"
	"fmt"
	"time"

	"github.com/superradcompany/microsandbox/sdk/go/internal/capi"
)

// Machines are booted and stopped by microsandbox, not by this package. What follows holds for sandboxes whose machine does
// not run, which is how this package makes them, and says ErrUnsupportedOperation where a machine would be needed.

// StopOption configures Stop.
type StopOption func(*lifecycleOptions)

// KillOption configures Kill.
type KillOption func(*lifecycleOptions)

type lifecycleOptions struct{ timeout time.Duration }

// WithStopTimeout is how long a machine has to shut down by itself; 10 s by default.
func WithStopTimeout(timeout time.Duration) StopOption {
	return func(options *lifecycleOptions) { options.timeout = timeout }
}

// WithKillTimeout is how long a machine has to be gone; 5 s by default.
func WithKillTimeout(timeout time.Duration) KillOption {
	return func(options *lifecycleOptions) { options.timeout = timeout }
}

// SandboxStopResult says how a sandbox came to stop.
type SandboxStopResult struct {
	Name       string
	Status     SandboxStatus
	ExitCode   *int // nil when unknown, like Signal and Source
	Signal     *int
	ObservedAt time.Time
	Source     *string
}

// StartSandbox fails with ErrUnsupportedOperation: `msb start` boots a sandbox.
func StartSandbox(ctx context.Context, name string) (*Sandbox, error) {
	return nil, needsMachine(ctx, name)
}

// StartSandboxDetached fails with ErrUnsupportedOperation: `msb start` boots a sandbox.
func StartSandboxDetached(ctx context.Context, name string) (*Sandbox, error) {
	return nil, needsMachine(ctx, name)
}

// Start is [StartSandbox].
func (h *SandboxHandle) Start(ctx context.Context) (*Sandbox, error) {
	return StartSandbox(ctx, h.Name())
}

// StartDetached is [StartSandboxDetached].
func (h *SandboxHandle) StartDetached(ctx context.Context) (*Sandbox, error) {
	return StartSandboxDetached(ctx, h.Name())
}

// Connect fails with ErrSandboxNotRunning when no machine runs.
func (h *SandboxHandle) Connect(ctx context.Context) (*Sandbox, error) {
	now, err := lookUp(ctx, h.Name())
	if err == nil && !now.Live {
		err = failure(ErrSandboxNotRunning, "sandbox not running: "+h.Name())
	} else if err == nil {
		err = unsupported(h.Name())
	}
	return nil, err
}

// Stop returns at once when no machine runs.
func (s *Sandbox) Stop(ctx context.Context, opts ...StopOption) error { return s.settled(ctx) }

// Kill returns at once when no machine runs.
func (s *Sandbox) Kill(ctx context.Context, opts ...KillOption) error { return s.settled(ctx) }

// RequestStop returns at once when no machine runs.
func (s *Sandbox) RequestStop(ctx context.Context) error { return s.settled(ctx) }

// RequestKill returns at once when no machine runs.
func (s *Sandbox) RequestKill(ctx context.Context) error { return s.settled(ctx) }

// RequestDrain returns at once when no machine runs.
func (s *Sandbox) RequestDrain(ctx context.Context) error { return s.settled(ctx) }

// WaitUntilStopped waits until no machine runs.
func (s *Sandbox) WaitUntilStopped(ctx context.Context) (*SandboxStopResult, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	return waitUntilStopped(ctx, s.name)
}

// Stop returns at once when no machine runs.
func (h *SandboxHandle) Stop(ctx context.Context, opts ...StopOption) error {
	return settled(ctx, h.Name())
}

// Kill returns at once when no machine runs.
func (h *SandboxHandle) Kill(ctx context.Context, opts ...KillOption) error {
	return settled(ctx, h.Name())
}

// RequestStop returns at once when no machine runs.
func (h *SandboxHandle) RequestStop(ctx context.Context) error { return settled(ctx, h.Name()) }

// RequestKill returns at once when no machine runs.
func (h *SandboxHandle) RequestKill(ctx context.Context) error { return settled(ctx, h.Name()) }

// RequestDrain returns at once when no machine runs.
func (h *SandboxHandle) RequestDrain(ctx context.Context) error { return settled(ctx, h.Name()) }

// WaitUntilStopped waits until no machine runs.
func (h *SandboxHandle) WaitUntilStopped(ctx context.Context) (*SandboxStopResult, error) {
	return waitUntilStopped(ctx, h.Name())
}

func (s *Sandbox) settled(ctx context.Context) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	return settled(ctx, s.name)
}

// settled is nil when no machine of the sandbox runs.
func settled(ctx context.Context, name string) error {
	now, err := lookUp(ctx, name)
	if err == nil && now.Live {
		err = unsupported(name)
	}
	return err
}

func needsMachine(ctx context.Context, name string) error {
	if _, err := lookUp(ctx, name); err != nil {
		return err
	}
	return unsupported(name)
}

// waitUntilStopped watches the registry: another program runs the machine.
func waitUntilStopped(ctx context.Context, name string) (*SandboxStopResult, error) {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		now, err := lookUp(ctx, name)
		if err != nil {
			return nil, err
		}
		if !now.Live {
			return &SandboxStopResult{Name: name, Status: SandboxStatus(now.Status), ObservedAt: time.Now()}, nil
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

func lookUp(ctx context.Context, name string) (capi.Sandbox, error) {
	client, err := clientOf(ctx)
	if err != nil {
		return capi.Sandbox{}, err
	}
	info, err := client.GetSandbox(ctx, name)
	return info, wrap(err)
}

func unsupported(name string) error {
	return failure(ErrUnsupportedOperation,
		fmt.Sprintf("unsupported operation: the machine of sandbox %s is for `msb start` and `msb stop` to run", name))
}
