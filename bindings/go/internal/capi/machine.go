package capi

/*
#include "relay.h"
*/
import "C"

import (
	"context"
	"math"
	"time"
	"unsafe"
)

// The ends of a machine.
const (
	EndExited    uint32 = C.MSB_END_EXITED
	EndSignalled uint32 = C.MSB_END_SIGNALLED
)

// EndName is how a machine has ended, in a word; "" for no end.
func EndName(end uint32) string {
	switch end {
	case C.MSB_END_EXITED:
		return "exited"
	case C.MSB_END_SIGNALLED:
		return "signalled"
	case C.MSB_END_FAILED:
		return "failed"
	case C.MSB_END_KILLED:
		return "killed"
	case C.MSB_END_LOST:
		return "lost"
	}
	return ""
}

// The accelerators.
const (
	AcceleratorAuto uint32 = C.MSB_ACCELERATOR_AUTO
	AcceleratorKVM  uint32 = C.MSB_ACCELERATOR_KVM
	AcceleratorTCG  uint32 = C.MSB_ACCELERATOR_TCG
)

// The sources of output.
const (
	OutputStdout  uint32 = C.MSB_OUTPUT_STDOUT
	OutputStderr  uint32 = C.MSB_OUTPUT_STDERR
	OutputConsole uint32 = C.MSB_OUTPUT_CONSOLE
	OutputMachine uint32 = C.MSB_OUTPUT_MACHINE
)

// StartOptions are those of msb_sandbox_start and msb_sandbox_run; what is zero is absent.
type StartOptions struct {
	Command                    []string
	Idle                       bool
	Env                        map[string]string
	WorkingDir, User, Hostname string
	MemoryMiB, CPUs            uint32
	Kernel                     string
	Accelerator                uint32
	ReadyTimeout               time.Duration
	Network, Console           bool
	OutputLimit                uint64
	StopLimit                  time.Duration // of a run that is given up, and of an attached machine
	Attached                   bool
}

// MachineEnd is how a machine has ended.
type MachineEnd struct {
	End                      uint32
	ExitCode                 int // -1 when the command has none
	Clean                    bool
	Message                  string
	Stdout, Stderr           []byte // nil when it was passed on
	StdoutTotal, StderrTotal uint64
	Accelerator              uint32
	Ready, Total             time.Duration
}

func (a *arena) startOptions(options StartOptions) C.msb_sandbox_start_opts {
	opts := C.msb_sandbox_start_opts{
		struct_size:      C.sizeof_msb_sandbox_start_opts,
		idle:             C.bool(options.Idle),
		working_dir:      a.optional(options.WorkingDir),
		user:             a.optional(options.User),
		hostname:         a.optional(options.Hostname),
		memory_mib:       C.uint32_t(options.MemoryMiB),
		cpus:             C.uint32_t(options.CPUs),
		kernel:           a.optional(options.Kernel),
		accelerator:      C.uint32_t(options.Accelerator),
		ready_timeout_ms: limit(options.ReadyTimeout),
		network:          C.bool(options.Network),
		console:          C.bool(options.Console),
		output_limit:     C.uint64_t(options.OutputLimit),
		stop_limit_ms:    limit(options.StopLimit),
		attached:         C.bool(options.Attached),
	}
	opts.command, opts.command_count = a.texts(options.Command)
	opts.env, opts.env_count = a.pairs(options.Env)
	return opts
}

// limit is a time as the library takes it; what is too long for it is as long as it can be.
func limit(d time.Duration) C.uint32_t {
	if ms := milliseconds(d); ms < math.MaxUint32 {
		return C.uint32_t(ms)
	}
	return math.MaxUint32
}

// StartSandbox is msb_sandbox_start.
func (c *Client) StartSandbox(ctx context.Context, name string, options StartOptions) error {
	var a arena
	defer a.free()
	named, opts := a.text(name), a.startOptions(options)
	return c.do(ctx, &a, func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_sandbox_start(client, named, &opts, call, failure)
	})
}

// DetachSandbox is msb_sandbox_detach.
func (c *Client) DetachSandbox(name string) error {
	var a arena
	defer a.free()
	named := a.text(name)
	return c.do(context.Background(), &a, func(client *C.msb_client, _ *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_sandbox_detach(client, named, failure)
	})
}

// StopSandbox is msb_sandbox_stop.
func (c *Client) StopSandbox(ctx context.Context, name string, timeout time.Duration) error {
	var a arena
	defer a.free()
	named := a.text(name)
	return c.do(ctx, &a, func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_sandbox_stop(client, named, limit(timeout), call, failure)
	})
}

// RequestStop is msb_sandbox_request_stop.
func (c *Client) RequestStop(ctx context.Context, name string, atOnce bool) error {
	var a arena
	defer a.free()
	named := a.text(name)
	return c.do(ctx, &a, func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_sandbox_request_stop(client, named, C.bool(atOnce), call, failure)
	})
}

// WaitSandbox is msb_sandbox_wait.
func (c *Client) WaitSandbox(ctx context.Context, name string) (MachineEnd, error) {
	var a arena
	defer a.free()
	named := a.text(name)
	var end *C.msb_machine_end
	err := c.do(ctx, &a, func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_sandbox_wait(client, named, call, &end, failure)
	})
	if err != nil {
		return MachineEnd{}, err
	}
	return takeMachineEnd(end), nil
}

// RunSandbox is msb_sandbox_run. The output goes to sink as it comes, unless that is nil. When sink panics, the machine is
// stopped, and the panic goes on here.
func (c *Client) RunSandbox(ctx context.Context, name string, options StartOptions,
	sink func(source uint32, bytes []byte)) (MachineEnd, error) {
	var a arena
	defer a.free()
	named, opts := a.text(name), a.startOptions(options)
	if sink != nil {
		stoppable, stop := context.WithCancel(ctx)
		defer stop()
		ctx = stoppable
		hearer := &hearer{sink: sink, stop: stop}
		passing := newRelay(hearer)
		defer func() {
			passing.free()
			if hearer.panicked != nil {
				panic(hearer.panicked)
			}
		}()
		opts.on_output, opts.user_data = C.msb_output_fn(C.msb_go_output), passing.user()
	}
	var end *C.msb_machine_end
	err := c.do(ctx, &a, func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_sandbox_run(client, named, &opts, call, &end, failure)
	})
	if err != nil {
		return MachineEnd{}, err
	}
	return takeMachineEnd(end), nil
}

// SandboxLogs is msb_sandbox_logs.
func (c *Client) SandboxLogs(ctx context.Context, name string, source uint32, most uint64) ([]byte, error) {
	var a arena
	defer a.free()
	named := a.text(name)
	var buffer *C.msb_buffer
	err := c.do(ctx, &a, func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_sandbox_logs(client, named, C.uint32_t(source), C.uint64_t(most), call, &buffer, failure)
	})
	if err != nil {
		return nil, err
	}
	defer C.msb_handle_free(unsafe.Pointer(buffer))
	var length C.size_t
	data := C.msb_buffer_data(buffer, &length)
	return copied(data, length), nil
}

func takeMachineEnd(native *C.msb_machine_end) MachineEnd {
	defer C.msb_handle_free(unsafe.Pointer(native))
	info := C.msb_machine_end_info{struct_size: C.sizeof_msb_machine_end_info}
	C.msb_machine_end_read(native, &info)
	end := MachineEnd{
		End:         uint32(info.end),
		ExitCode:    int(info.exit_code),
		Clean:       bool(info.clean),
		Message:     C.GoString(info.message),
		StdoutTotal: uint64(info.stdout_total),
		StderrTotal: uint64(info.stderr_total),
		Accelerator: uint32(info.accelerator),
		Ready:       time.Duration(info.ready_ms) * time.Millisecond,
		Total:       time.Duration(info.total_ms) * time.Millisecond,
	}
	if info.stdout_bytes != nil {
		end.Stdout = copied(info.stdout_bytes, info.stdout_length)
	}
	if info.stderr_bytes != nil {
		end.Stderr = copied(info.stderr_bytes, info.stderr_length)
	}
	return end
}

// copied is never nil.
func copied(bytes unsafe.Pointer, length C.size_t) []byte {
	fresh := make([]byte, length)
	copy(fresh, unsafe.Slice((*byte)(bytes), length))
	return fresh
}

// A hearer stands between C and a sink of output, as a listener does for progress.
type hearer struct {
	sink     func(source uint32, bytes []byte)
	stop     func()
	panicked interface{}
}

//export msbGoOutput
func msbGoOutput(source C.uint32_t, bytes unsafe.Pointer, length C.size_t, handle C.uintptr_t) {
	relayed(handle).(*hearer).hear(uint32(source), copied(bytes, length))
}

func (h *hearer) hear(source uint32, bytes []byte) {
	if h.panicked != nil {
		return
	}
	defer func() {
		if h.panicked = recover(); h.panicked != nil {
			h.stop()
		}
	}()
	h.sink(source, bytes)
}
