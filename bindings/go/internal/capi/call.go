package capi

/*
#include "relay.h"
*/
import "C"

import (
	"context"
	"errors"
	"time"
	"unsafe"
)

// A control carries a context into one call of the library, as its msb_call.
type control struct {
	call     *C.msb_call // apart, for memory that C gets to see may not lie beside Go pointers
	listener *listener
	stop     func() // ends the watcher of the context
	progress *relay
}

// begin prepares the call of a context. Every begin without an error needs an end.
func begin(ctx context.Context) (*control, error) {
	if ctx == nil {
		return nil, &Error{Status: InvalidArgument, Message: "invalid argument: the context is nil"}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c := &control{call: &C.msb_call{struct_size: C.sizeof_msb_call}, stop: func() {}}
	sink, done := progressOf(ctx), ctx.Done()
	if sink == nil && done == nil {
		return c, nil
	}
	var native *C.msb_error
	status := C.msb_cancel_new(&c.call.cancel, &native)
	if err := takeError(status, native); err != nil {
		return nil, err
	}
	if done != nil {
		c.watch(done)
	}
	if deadline, ok := ctx.Deadline(); ok {
		c.call.deadline_ns = C.msb_deadline_after_ms(C.uint64_t(milliseconds(time.Until(deadline))))
	}
	if sink != nil {
		c.listener = &listener{sink: sink, token: c.call.cancel}
		c.progress = newRelay(c.listener)
		c.call.on_progress, c.call.user = C.msb_progress_fn(C.msb_go_progress), c.progress.user()
	}
	return c, nil
}

// watch triggers the token when the context ends. stop waits for the watcher, so that the token can be freed.
func (c *control) watch(done <-chan struct{}) {
	token, returned, ended := c.call.cancel, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-done:
			C.msb_cancel_trigger(token)
		case <-returned:
		}
	}()
	c.stop = func() {
		close(returned)
		<-ended
	}
}

// end releases what begin made. A panic of the progress function goes on here, outside of the library.
func (c *control) end() {
	c.stop()
	C.msb_handle_free(unsafe.Pointer(c.call.cancel))
	c.progress.free()
	if c.listener != nil && c.listener.panicked != nil {
		panic(c.listener.panicked)
	}
}

// milliseconds rounds up, so that the library never gives up before the context does.
func milliseconds(d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}

// explain gives a call that was stopped the error of the context that stopped it. The library may see a deadline before
// the context's own timer has run.
func explain(ctx context.Context, err error) error {
	var failure *Error
	if !errors.As(err, &failure) || failure.Status != Cancelled && failure.Status != DeadlineExceeded {
		return err
	}
	if cause := ctx.Err(); cause != nil {
		return cause
	}
	if failure.Status == DeadlineExceeded {
		return context.DeadlineExceeded
	}
	return err
}
