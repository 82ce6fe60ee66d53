package capi

/*
#include "relay.h"
*/
import "C"

import (
	"runtime/cgo"
	"unsafe"
)

// A relay lets C hold on to a Go value, as the `user` of a callback.
type relay struct {
	handle cgo.Handle
	cell   *C.uintptr_t
}

func newRelay(value interface{}) *relay {
	r := &relay{cgo.NewHandle(value), (*C.uintptr_t)(C.malloc(C.sizeof_uintptr_t))}
	*r.cell = C.uintptr_t(r.handle)
	return r
}

func (r *relay) user() unsafe.Pointer { return unsafe.Pointer(r.cell) }

// free does nothing for nil.
func (r *relay) free() {
	if r != nil {
		r.handle.Delete()
		C.free(unsafe.Pointer(r.cell))
	}
}

func relayed(handle C.uintptr_t) interface{} { return cgo.Handle(handle).Value() }

//export msbGoLog
func msbGoLog(level C.uint32_t, target, message *C.char, handle C.uintptr_t) {
	// A panic must not unwind the frames of the library; nor may it be lost. On a goroutine of its own it ends the program.
	defer func() {
		if reason := recover(); reason != nil {
			go panic(reason)
		}
	}()
	relayed(handle).(func(uint32, string, string))(uint32(level), C.GoString(target), C.GoString(message))
}
