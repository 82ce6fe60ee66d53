package microsandbox

import (
	"context"
	"fmt"
	"time"

	"github.com/superradcompany/microsandbox/sdk/go/internal/capi"
)

// RunOptions says in what a command runs. The zero value is as the sandbox was made: [WithEnv], [WithWorkdir], [WithUser],
// [WithHostname], [WithMemory] and [WithCPUs], and where those say nothing, as its image says.
type RunOptions struct {
	Env       map[string]string // added to the environment
	Workdir   string
	User      string // NAME, UID, NAME:GROUP or UID:GID
	Hostname  string // "" for the sandbox's name
	MemoryMiB uint32 // of the machine; 512 unless told
	CPUs      uint32 // 1 unless told
	Network   bool   // outgoing IPv4; the guest then reaches what listens on this host's loopback, as 10.0.2.2

	// Output receives the output as it comes, on the goroutine that called RunSandbox; the result then has none. The bytes
	// are the function's own.
	Output      func(source OutputSource, bytes []byte)
	OutputLimit uint64 // bytes kept, or passed on, of each output; 0 for 8 MiB. The rest is counted.

	StopTimeout  time.Duration // for a clean end, once it is given up; 0 for none, and for 10 s after a start
	Kernel       string        // bzImage to boot; "" for the newest in /boot
	Accelerator  Accelerator   // "" for AcceleratorAuto
	ReadyTimeout time.Duration // longest time from the start to the command; 0 for 60 s
	Console      bool          // let the kernel say everything on the console, see [OutputConsole]
}

// RunResult is how a command has ended.
type RunResult struct {
	ExitCode    int    // 128 and its number for a signal; -1 when the machine ended before the command
	Signal      *int   // that ended the command; nil for none
	Stdout      []byte // what was kept; nil when RunOptions.Output received it
	Stderr      []byte
	StdoutBytes uint64 // how much the command wrote
	StderrBytes uint64
	Clean       bool          // the disk was unmounted; else its journal mends it
	Accelerator Accelerator   // that the machine ran with
	ReadyAfter  time.Duration // from the start of the machine to the command
	Took        time.Duration // to the end of the machine
}

// OutputSource says who has written something.
type OutputSource uint32

// The sources of output.
const (
	OutputStdout  = OutputSource(capi.OutputStdout)
	OutputStderr  = OutputSource(capi.OutputStderr)
	OutputConsole = OutputSource(capi.OutputConsole) // the guest's kernel
	OutputMachine = OutputSource(capi.OutputMachine) // QEMU, and remarks of the guest's first process
)

// Accelerator is what makes the processor of a machine.
type Accelerator string

// The accelerators.
const (
	AcceleratorAuto Accelerator = "auto" // KVM where it runs a guest, else TCG
	AcceleratorKVM  Accelerator = "kvm"
	AcceleratorTCG  Accelerator = "tcg" // emulation: works everywhere, several times slower
)

var nativeAccelerators = map[Accelerator]uint32{
	"": capi.AcceleratorAuto, AcceleratorAuto: capi.AcceleratorAuto, AcceleratorKVM: capi.AcceleratorKVM,
	AcceleratorTCG: capi.AcceleratorTCG,
}

// RunSandbox boots a stopped sandbox, runs one command in it to its end, and switches it off; without a command, what its
// image names. What the command leaves on the disk stays there, for a snapshot or the next run. The end of the context,
// and that of the program, stops the machine.
//
//	result, err := m.RunSandbox(ctx, "baseline", m.RunOptions{Network: true}, "pip", "install", "numpy")
//
// An exit code other than 0 is no error. ErrExecFailed is one: the guest could not be set up, or the command cannot be run,
// and Detail("exit_code") is what a shell would say; or the machine ended before the command, and then there is a result
// too, with the output up to there. A sandbox that runs is ErrSandboxStillRunning; a host without QEMU or a kernel is
// ErrUnsupportedOperation, and Detail("package") is what to install.
func RunSandbox(ctx context.Context, name string, options RunOptions, command ...string) (*RunResult, error) {
	native, err := options.native(command)
	if err != nil {
		return nil, err
	}
	client, err := clientOf(ctx)
	if err != nil {
		return nil, err
	}
	var sink func(uint32, []byte)
	if output := options.Output; output != nil {
		sink = func(source uint32, bytes []byte) { output(OutputSource(source), bytes) }
	}
	end, err := client.RunSandbox(ctx, name, native, sink)
	if err != nil {
		return nil, wrap(err)
	}
	result := runResult(end)
	if end.ExitCode < 0 {
		return result, failure(ErrExecFailed, fmt.Sprintf("exec failed: %s: %s", name, end.Message))
	}
	return result, nil
}

func (options *RunOptions) native(command []string) (capi.StartOptions, error) {
	accelerator, known := nativeAccelerators[options.Accelerator]
	if !known {
		return capi.StartOptions{}, failure(ErrInvalidArgument,
			fmt.Sprintf("invalid argument: unknown accelerator %q", string(options.Accelerator)))
	}
	return capi.StartOptions{
		Command:      command,
		Env:          options.Env,
		WorkingDir:   options.Workdir,
		User:         options.User,
		Hostname:     options.Hostname,
		MemoryMiB:    options.MemoryMiB,
		CPUs:         options.CPUs,
		Kernel:       options.Kernel,
		Accelerator:  accelerator,
		ReadyTimeout: options.ReadyTimeout,
		Network:      options.Network,
		Console:      options.Console,
		OutputLimit:  options.OutputLimit,
		StopLimit:    options.StopTimeout,
	}, nil
}

// start is native for a machine that stays; one that is owned has the time of Stop when its owner dies.
func (options *RunOptions) start(command []string, owned bool) (capi.StartOptions, error) {
	native, err := options.native(command)
	if err == nil && options.Output != nil {
		err = failure(ErrInvalidArgument, "invalid argument: the output of a machine that is started is in its logs")
	}
	native.Idle, native.Attached = len(command) == 0, owned
	if native.StopLimit == 0 {
		native.StopLimit = stopTimeout
	}
	return native, err
}

// Run is [RunSandbox].
func (h *SandboxHandle) Run(ctx context.Context, options RunOptions, command ...string) (*RunResult, error) {
	return RunSandbox(ctx, h.Name(), options, command...)
}

func runResult(end capi.MachineEnd) *RunResult {
	result := &RunResult{
		ExitCode:    end.ExitCode,
		Signal:      signalOf(end),
		Stdout:      end.Stdout,
		Stderr:      end.Stderr,
		StdoutBytes: end.StdoutTotal,
		StderrBytes: end.StderrTotal,
		Clean:       end.Clean,
		ReadyAfter:  end.Ready,
		Took:        end.Total,
	}
	for accelerator, native := range nativeAccelerators {
		if native == end.Accelerator && accelerator != "" {
			result.Accelerator = accelerator
		}
	}
	return result
}

// signalOf is the signal that ended a command; nil for none.
func signalOf(end capi.MachineEnd) *int {
	if end.End != capi.EndSignalled {
		return nil
	}
	const signalled = 128
	number := end.ExitCode - signalled
	return &number
}

// LogOptions says what of the logs to read.
type LogOptions struct {
	Source OutputSource // 0 for OutputStdout
	Tail   uint64       // bytes of the end; 0 for 1 MiB
}

// Logs is what the machine has written, also while it runs; of the last one, when none does. Empty when there is nothing.
func (s *Sandbox) Logs(ctx context.Context, options LogOptions) ([]byte, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	return logs(ctx, s.client, s.name, options)
}

// Logs is what the machine has written, also while it runs; of the last one, when none does. Empty when there is nothing.
func (h *SandboxHandle) Logs(ctx context.Context, options LogOptions) ([]byte, error) {
	client, err := clientOf(ctx)
	if err != nil {
		return nil, err
	}
	return logs(ctx, client, h.Name(), options)
}

func logs(ctx context.Context, client *capi.Client, name string, options LogOptions) ([]byte, error) {
	source := options.Source
	if source == 0 {
		source = OutputStdout
	}
	bytes, err := client.SandboxLogs(ctx, name, uint32(source), options.Tail)
	return bytes, wrap(err)
}
