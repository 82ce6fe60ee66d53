package microsandbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/superradcompany/microsandbox/sdk/go/internal/capi"
)

// A machine is looked after by a process of its own. A machine that `msb` runs can be waited for,
// but is for `msb` to stop: asking for that fails with Code "busy".

const (
	stopTimeout = 10 * time.Second
	killTimeout = 5 * time.Second
)

// StopOption configures Stop.
type StopOption func(*lifecycleOptions)

// KillOption configures Kill.
type KillOption func(*lifecycleOptions)

type lifecycleOptions struct{ timeout time.Duration }

// WithStopTimeout is how long a machine has to shut down by itself; 10 s unless told. Then it is killed.
func WithStopTimeout(timeout time.Duration) StopOption {
	return func(options *lifecycleOptions) { options.timeout = timeout }
}

// WithKillTimeout is how long a machine has to be gone; 5 s unless told. Then the call fails with ErrSandboxStillRunning.
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
	// Source is what has ended: "exited" or "signalled", the command; "failed", it was never run; "killed", the machine was
	// ended the hard way; "lost", it broke down.
	Source *string
}

// StartSandbox boots a stopped sandbox, which then runs until it is stopped. The result owns the machine: it ends with
// [Sandbox.Close], with [Client.Close], and with the program. One that runs is ErrSandboxStillRunning; a host without QEMU or a kernel is
// ErrUnsupportedOperation, and Detail("package") is what to install.
func StartSandbox(ctx context.Context, name string) (*Sandbox, error) {
	return start(ctx, name, true, RunOptions{})
}

// StartSandboxDetached is [StartSandbox] with a result that does not own the machine.
func StartSandboxDetached(ctx context.Context, name string) (*Sandbox, error) {
	return start(ctx, name, false, RunOptions{})
}

// StartSandboxWith is [StartSandbox] with a command, as [RunSandbox] has it: it returns when the command runs, and the
// machine ends with it. What the command writes is in the logs. Without a command nothing runs.
func StartSandboxWith(ctx context.Context, name string, options RunOptions, command ...string) (*Sandbox, error) {
	return start(ctx, name, true, options, command...)
}

func start(ctx context.Context, name string, owned bool, options RunOptions, command ...string) (*Sandbox, error) {
	native, err := options.start(command, owned)
	if err != nil {
		return nil, err
	}
	client, err := clientOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := client.StartSandbox(ctx, name, native); err != nil {
		return nil, wrap(err)
	}
	sandbox := &Sandbox{name: name, client: client}
	sandbox.own(owned)
	return sandbox, nil
}

// Start is [StartSandbox].
func (h *SandboxHandle) Start(ctx context.Context) (*Sandbox, error) {
	return StartSandbox(ctx, h.Name())
}

// StartDetached is [StartSandboxDetached].
func (h *SandboxHandle) StartDetached(ctx context.Context) (*Sandbox, error) {
	return StartSandboxDetached(ctx, h.Name())
}

// Connect is the sandbox of a machine that runs, without owning it. When none does, it fails with ErrSandboxNotRunning.
func (h *SandboxHandle) Connect(ctx context.Context) (*Sandbox, error) {
	client, err := clientOf(ctx)
	if err != nil {
		return nil, err
	}
	now, err := client.GetSandbox(ctx, h.Name())
	if err != nil {
		return nil, wrap(err)
	}
	if !now.Live {
		return nil, failure(ErrSandboxNotRunning, "sandbox not running: "+h.Name())
	}
	return &Sandbox{name: h.Name(), client: client}, nil
}

// Stop shuts the machine down: its command is sent the image's stop signal, what else runs is ended, the disk is unmounted.
// It returns when that is done, at once when no machine runs. What takes longer than [WithStopTimeout] is killed; the
// disk then is as after a power failure, which its journal mends.
func (s *Sandbox) Stop(ctx context.Context, opts ...StopOption) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	return stop(ctx, s.client, s.name, stopOptions(opts).timeout)
}

// Kill ends the machine without shutting it down, and returns when it is gone; at once when no machine runs.
func (s *Sandbox) Kill(ctx context.Context, opts ...KillOption) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	return kill(ctx, s.client, s.name, killOptions(opts).timeout)
}

// RequestStop asks the machine to shut down, and does not wait for that. It may take any time.
func (s *Sandbox) RequestStop(ctx context.Context) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	return requestStop(ctx, s.client, s.name, false)
}

// RequestKill is Kill without waiting.
func (s *Sandbox) RequestKill(ctx context.Context) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	return requestStop(ctx, s.client, s.name, true)
}

// RequestDrain is RequestStop: the machine takes nothing more, and ends.
func (s *Sandbox) RequestDrain(ctx context.Context) error { return s.RequestStop(ctx) }

// WaitUntilStopped waits until no machine runs, and says how the last one ended.
func (s *Sandbox) WaitUntilStopped(ctx context.Context) (*SandboxStopResult, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	return waitUntilStopped(ctx, s.client, s.name)
}

// Stop is that of [Sandbox].
func (h *SandboxHandle) Stop(ctx context.Context, opts ...StopOption) error {
	client, err := clientOf(ctx)
	if err != nil {
		return err
	}
	return stop(ctx, client, h.Name(), stopOptions(opts).timeout)
}

// Kill is that of [Sandbox].
func (h *SandboxHandle) Kill(ctx context.Context, opts ...KillOption) error {
	client, err := clientOf(ctx)
	if err != nil {
		return err
	}
	return kill(ctx, client, h.Name(), killOptions(opts).timeout)
}

// RequestStop is that of [Sandbox].
func (h *SandboxHandle) RequestStop(ctx context.Context) error {
	client, err := clientOf(ctx)
	if err != nil {
		return err
	}
	return requestStop(ctx, client, h.Name(), false)
}

// RequestKill is that of [Sandbox].
func (h *SandboxHandle) RequestKill(ctx context.Context) error {
	client, err := clientOf(ctx)
	if err != nil {
		return err
	}
	return requestStop(ctx, client, h.Name(), true)
}

// RequestDrain is that of [Sandbox].
func (h *SandboxHandle) RequestDrain(ctx context.Context) error { return h.RequestStop(ctx) }

// WaitUntilStopped is that of [Sandbox].
func (h *SandboxHandle) WaitUntilStopped(ctx context.Context) (*SandboxStopResult, error) {
	client, err := clientOf(ctx)
	if err != nil {
		return nil, err
	}
	return waitUntilStopped(ctx, client, h.Name())
}

func stopOptions(opts []StopOption) lifecycleOptions {
	options := lifecycleOptions{stopTimeout}
	for _, option := range opts {
		option(&options)
	}
	return options
}

func killOptions(opts []KillOption) lifecycleOptions {
	options := lifecycleOptions{killTimeout}
	for _, option := range opts {
		option(&options)
	}
	return options
}

func stop(ctx context.Context, client *capi.Client, name string, timeout time.Duration) error {
	return ended(client, name, client.StopSandbox(ctx, name, timeout))
}

func kill(ctx context.Context, client *capi.Client, name string, timeout time.Duration) error {
	// Asked for first: a machine is killed however short the time is.
	if err := client.RequestStop(ctx, name, true); err != nil {
		return ended(client, name, err)
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := ended(client, name, client.StopSandbox(limited, name, 0))
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return failure(ErrSandboxStillRunning, fmt.Sprintf("sandbox still running: %s, %v after it was killed", name, timeout))
	}
	return err
}

func requestStop(ctx context.Context, client *capi.Client, name string, atOnce bool) error {
	return settled(client.RequestStop(ctx, name, atOnce))
}

// ended is settled, and notes that no machine is left when that is so.
func ended(client *capi.Client, name string, err error) error {
	if err = settled(err); err == nil {
		client.Detach(name)
	}
	return err
}

// settled takes a machine that does not run for one that has ended.
func settled(err error) error {
	if capi.StatusOf(err) == capi.SandboxNotRunning {
		return nil
	}
	return wrap(err)
}

func waitUntilStopped(ctx context.Context, client *capi.Client, name string) (*SandboxStopResult, error) {
	// Without a machine that this library has started, there is nothing to say but the status.
	end, err := client.WaitSandbox(ctx, name)
	if err := ended(client, name, err); err != nil {
		return nil, err
	}
	now, err := client.GetSandbox(ctx, name)
	if err != nil {
		return nil, wrap(err)
	}
	result := &SandboxStopResult{Name: name, Status: SandboxStatus(now.Status), Signal: signalOf(end), ObservedAt: time.Now()}
	if end.End == capi.EndExited {
		result.ExitCode = &end.ExitCode
	}
	if source := capi.EndName(end.End); source != "" {
		result.Source = &source
	}
	return result, nil
}
