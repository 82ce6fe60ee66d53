package capi

/*
#include "relay.h"
*/
import "C"

import "context"

// Event says where a call stands.
type Event struct {
	Phase        uint32 // MSB_PHASE_…
	Index, Count uint32
	Item         string
	Done, Total  uint64
	TotalKnown   bool
}

type progressKey struct{}

// WithProgress makes calls that carry the context report to sink, on the goroutine that makes the call.
func WithProgress(ctx context.Context, sink func(Event)) context.Context {
	if ctx == nil {
		return nil // which calls refuse
	}
	return context.WithValue(ctx, progressKey{}, sink)
}

// FilterProgress lets a sink have only the events that pass.
func FilterProgress(ctx context.Context, pass func(Event) bool) context.Context {
	sink := progressOf(ctx)
	if sink == nil {
		return ctx
	}
	return WithProgress(ctx, func(event Event) {
		if pass(event) {
			sink(event)
		}
	})
}

func progressOf(ctx context.Context) func(Event) {
	if ctx == nil {
		return nil
	}
	sink, _ := ctx.Value(progressKey{}).(func(Event))
	return sink
}

// A listener stands between C and a sink. A panic of the sink must not unwind the frames of the library: it is held
// until the call, which it stops, has returned.
type listener struct {
	sink     func(Event)
	token    *C.msb_cancel
	panicked interface{}
}

//export msbGoProgress
func msbGoProgress(event *C.msb_progress, handle C.uintptr_t) {
	relayed(handle).(*listener).receive(event)
}

func (l *listener) receive(event *C.msb_progress) {
	if l.panicked != nil {
		return
	}
	defer func() {
		if l.panicked = recover(); l.panicked != nil {
			C.msb_cancel_trigger(l.token)
		}
	}()
	l.sink(Event{
		Phase: uint32(event.phase),
		Index: uint32(event.index),
		Count: uint32(event.count),
		Item:  C.GoString(event.item),
		Done:  uint64(event.done),
		Total: uint64(event.total), TotalKnown: bool(event.total_known),
	})
}
