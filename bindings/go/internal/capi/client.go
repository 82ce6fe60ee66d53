package capi

/*
#include "relay.h"
*/
import "C"

import (
	"context"
	"runtime"
	"sync"
	"time"
	"unsafe"
)

// Options say which home to open, and how.
type Options struct {
	Home, CacheDir, SnapshotsDir, SandboxesDir string // "" for the defaults
	ReadOnly, NoCreate                         bool
	BusyTimeout                                time.Duration // 0 for the default
	Threads                                    uint32        // 0 for the number of processors
	Log                                        func(level uint32, target, message string)
	LogLevel                                   uint32 // 0 for warnings and errors
	NewHomeRelease                             string // "" for the default
}

// native is all but Log.
func (o Options) native(a *arena) C.msb_client_opts {
	opts := C.msb_client_opts{
		struct_size:      C.sizeof_msb_client_opts,
		home:             a.optional(o.Home),
		cache_dir:        a.optional(o.CacheDir),
		snapshots_dir:    a.optional(o.SnapshotsDir),
		sandboxes_dir:    a.optional(o.SandboxesDir),
		log_level:        C.uint32_t(o.LogLevel),
		busy_timeout_ms:  C.uint32_t(milliseconds(o.BusyTimeout)),
		threads:          C.uint32_t(o.Threads),
		new_home_release: a.optional(o.NewHomeRelease),
	}
	if o.ReadOnly {
		opts.flags |= C.MSB_CLIENT_READ_ONLY
	}
	if o.NoCreate {
		opts.flags |= C.MSB_CLIENT_NO_CREATE
	}
	return opts
}

// A Client is an open home, shared by any number of goroutines. Its references are counted here: the native object is
// freed when it was closed (or became unreachable) and the last call has returned.
type Client struct {
	Attachments

	mu     sync.Mutex
	native *C.msb_client
	refs   int
	closed bool
	log    *relay
}

// Open opens a home, and creates it where there is none.
func Open(options Options) (*Client, error) {
	if err := CheckLibrary(); err != nil {
		return nil, err
	}
	var a arena
	defer a.free()
	opts := options.native(&a)
	if a.bad != nil {
		return nil, a.bad
	}
	client := &Client{refs: 1}
	if options.Log != nil {
		client.log = newRelay(options.Log)
		opts.on_log, opts.log_user = C.msb_log_fn(C.msb_go_log), client.log.user()
	}
	var native *C.msb_client
	var failure *C.msb_error
	status := C.msb_client_open(&opts, &native, &failure)
	if err := takeError(status, failure); err != nil {
		client.log.free()
		return nil, err
	}
	client.native = native
	runtime.SetFinalizer(client, func(c *Client) { _ = c.Close() })
	return client, nil
}

// Home is the absolute path of the home; "" when the client is closed.
func (c *Client) Home() string {
	native, err := c.acquire()
	if err != nil {
		return ""
	}
	defer c.release()
	return C.GoString(C.msb_client_dir(native, C.MSB_DIR_HOME))
}

// Close waits for calls that run; later ones fail. The second time it fails itself.
func (c *Client) Close() error {
	native, err := c.acquire()
	if err != nil {
		return err
	}
	defer c.release()
	var failure *C.msb_error
	status := C.msb_client_close(native, &failure)
	if err := takeError(status, failure); err != nil {
		return err
	}
	runtime.SetFinalizer(c, nil)
	c.mu.Lock()
	c.closed = true
	c.refs--
	c.mu.Unlock()
	return nil
}

func (c *Client) acquire() (*C.msb_client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, &Error{Status: InvalidHandle, Message: "invalid handle: the client is closed"}
	}
	c.refs++
	return c.native, nil
}

func (c *Client) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refs--; c.refs == 0 {
		C.msb_handle_free(unsafe.Pointer(c.native))
		c.native = nil
		c.log.free()
	}
}

// do makes one call that can wait.
func (c *Client) do(ctx context.Context, a *arena,
	fn func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status) error {
	if a.bad != nil {
		return a.bad
	}
	native, err := c.acquire()
	if err != nil {
		return err
	}
	defer c.release()
	return controlled(ctx, a, func(call *C.msb_call, failure **C.msb_error) C.msb_status {
		return fn(native, call, failure)
	})
}

// controlled makes one call that can wait, on whatever fn says. It returns what fn did, whatever became of the context
// meanwhile: work that is done is never reported as cancelled.
func controlled(ctx context.Context, a *arena, fn func(call *C.msb_call, failure **C.msb_error) C.msb_status) error {
	if a.bad != nil {
		return a.bad
	}
	control, err := begin(ctx)
	if err != nil {
		return err
	}
	defer control.end()
	var failure *C.msb_error
	status := fn(control.call, &failure)
	return explain(ctx, takeError(status, failure))
}
