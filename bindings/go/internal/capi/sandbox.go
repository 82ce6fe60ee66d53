package capi

/*
#include <microsandbox.h>
*/
import "C"

import (
	"context"
	"time"
	"unsafe"
)

// SandboxOptions are those of msb_sandbox_create; "" is absent.
type SandboxOptions struct {
	Image, FromSnapshot string
	UpperSize           uint64
	Labels              map[string]string
	ConfigJSON          string
	Replace             bool
}

// Sandbox is what the registry knows of a sandbox.
type Sandbox struct {
	Name, Status, ConfigJSON string
	Live                     bool // whether a machine runs
	CreatedAt, UpdatedAt     time.Time
}

func readSandbox(native *C.msb_sandbox) Sandbox {
	info := C.msb_sandbox_info{struct_size: C.sizeof_msb_sandbox_info}
	C.msb_sandbox_read(native, &info)
	return Sandbox{
		Name:       C.GoString(info.name),
		Status:     C.GoString(C.msb_sandbox_status_name(info.status)),
		ConfigJSON: C.GoString(info.config_json),
		Live:       info.status >= C.MSB_SANDBOX_STARTING && info.status <= C.MSB_SANDBOX_PAUSED,
		CreatedAt:  moment(info.created_at_ns),
		UpdatedAt:  moment(info.updated_at_ns),
	}
}

// CreateSandbox is msb_sandbox_create.
func (c *Client) CreateSandbox(ctx context.Context, name string, options SandboxOptions) error {
	var a arena
	defer a.free()
	named := a.text(name)
	opts := C.msb_sandbox_create_opts{
		struct_size:   C.sizeof_msb_sandbox_create_opts,
		image:         a.optional(options.Image),
		from_snapshot: a.optional(options.FromSnapshot),
		upper_size:    C.uint64_t(options.UpperSize),
		config_json:   a.optional(options.ConfigJSON),
		replace:       C.bool(options.Replace),
	}
	opts.labels, opts.label_count = a.pairs(options.Labels)
	return c.do(ctx, &a, func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_sandbox_create(client, named, &opts, call, nil, failure)
	})
}

// GetSandbox is msb_sandbox_get.
func (c *Client) GetSandbox(ctx context.Context, name string) (Sandbox, error) {
	var a arena
	defer a.free()
	named := a.text(name)
	var sandbox *C.msb_sandbox
	err := c.do(ctx, &a, func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_sandbox_get(client, named, call, &sandbox, failure)
	})
	if err != nil {
		return Sandbox{}, err
	}
	defer C.msb_handle_free(unsafe.Pointer(sandbox))
	return readSandbox(sandbox), nil
}

// ListSandboxes is msb_sandbox_index_list.
func (c *Client) ListSandboxes(ctx context.Context, labels map[string]string) ([]Sandbox, error) {
	var a arena
	defer a.free()
	wanted, count := a.pairs(labels)
	var list *C.msb_sandbox_list
	err := c.do(ctx, &a, func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_sandbox_index_list(client, wanted, count, call, &list, failure)
	})
	if err != nil {
		return nil, err
	}
	defer C.msb_handle_free(unsafe.Pointer(list))
	sandboxes := make([]Sandbox, C.msb_sandbox_list_count(list))
	for i := range sandboxes {
		sandboxes[i] = readSandbox(C.msb_sandbox_list_at(list, C.size_t(i)))
	}
	return sandboxes, nil
}

// RemoveSandbox is msb_sandbox_remove.
func (c *Client) RemoveSandbox(ctx context.Context, name string) error {
	var a arena
	defer a.free()
	named := a.text(name)
	return c.do(ctx, &a, func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_sandbox_remove(client, named, call, failure)
	})
}
