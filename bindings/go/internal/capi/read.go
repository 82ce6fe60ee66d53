package capi

/*
#include <microsandbox.h>
*/
import "C"

import (
	"math"
	"time"
	"unsafe"
)

// optionalText is nil for NULL.
func optionalText(s *C.char) *string {
	if s == nil {
		return nil
	}
	text := C.GoString(s)
	return &text
}

// moment is the zero time where the library knows none.
func moment(ns C.int64_t) time.Time {
	if ns == math.MinInt64 {
		return time.Time{}
	}
	return time.Unix(0, int64(ns))
}

// textList keeps the difference between a list that is absent, nil, and one that is empty.
func textList(first **C.char, count C.size_t) []string {
	if first == nil {
		return nil
	}
	list := make([]string, count)
	for i, s := range unsafe.Slice(first, int(count)) {
		list[i] = C.GoString(s)
	}
	return list
}

// textMap is never nil.
func textMap(first *C.msb_kv, count C.size_t) map[string]string {
	m := make(map[string]string, count)
	for _, pair := range unsafe.Slice(first, int(count)) {
		m[C.GoString(pair.key)] = C.GoString(pair.value)
	}
	return m
}
