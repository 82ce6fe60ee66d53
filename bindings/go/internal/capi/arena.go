package capi

/*
#include <microsandbox.h>
#include <stdlib.h>
*/
import "C"

import (
	"fmt"
	"sort"
	"strings"
	"unsafe"
)

// An arena owns the C copies of one call's arguments. The first argument that C cannot represent makes it bad; the call
// is then not made.
type arena struct {
	blocks []unsafe.Pointer
	bad    error
}

func (a *arena) free() {
	for _, block := range a.blocks {
		C.free(block)
	}
	a.blocks = nil
}

func (a *arena) own(block unsafe.Pointer) unsafe.Pointer {
	a.blocks = append(a.blocks, block)
	return block
}

// text copies a string. C would see one with a NUL in it cut short, so that is refused.
func (a *arena) text(s string) *C.char {
	if a.bad == nil && strings.IndexByte(s, 0) >= 0 {
		a.bad = &Error{Status: InvalidArgument, Message: fmt.Sprintf("invalid argument: NUL byte in %q", s)}
	}
	return (*C.char)(a.own(unsafe.Pointer(C.CString(s))))
}

// optional is text, with NULL in place of the empty string.
func (a *arena) optional(s string) *C.char {
	if s == "" {
		return nil
	}
	return a.text(s)
}

// texts copies a list; NULL when it is empty.
func (a *arena) texts(list []string) (**C.char, C.size_t) {
	if len(list) == 0 {
		return nil, 0
	}
	first := (**C.char)(a.own(C.calloc(C.size_t(len(list)), C.size_t(unsafe.Sizeof((*C.char)(nil))))))
	for i, s := range list {
		unsafe.Slice(first, len(list))[i] = a.text(s)
	}
	return first, C.size_t(len(list))
}

// pairs copies a map, sorted by key so that equal maps make equal calls; NULL when it is empty.
func (a *arena) pairs(m map[string]string) (*C.msb_kv, C.size_t) {
	if len(m) == 0 {
		return nil, 0
	}
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	first := (*C.msb_kv)(a.own(C.calloc(C.size_t(len(m)), C.sizeof_msb_kv)))
	for i, key := range keys {
		unsafe.Slice(first, len(m))[i] = C.msb_kv{key: a.text(key), value: a.text(m[key])}
	}
	return first, C.size_t(len(m))
}
