package capi

/*
#include <microsandbox.h>
*/
import "C"

import (
	"context"
	"unsafe"
)

// HomeReport is msb_home_info with the problems. Text that is absent is "".
type HomeReport struct {
	State, Generation, Writes    uint32 // MSB_HOME_…, MSB_GENERATION_…, MSB_HOME_WRITES_…
	Migrations                   uint32
	Home, Database, Obstacle     string
	Schema, LastMigration        string
	OldestRelease, NewestRelease string
	Images, Sandboxes, Running   uint64
	IndexedSnapshots, Snapshots  uint64
	Problems                     []Problem
}

// Problem is msb_problem.
type Problem struct {
	Kind                   uint32 // MSB_PROBLEM_…
	Subject, Path, Message string // the path is "" when it is a row
}

// InspectHome is msb_home_inspect.
func InspectHome(ctx context.Context, options Options) (*HomeReport, error) {
	if err := CheckLibrary(); err != nil {
		return nil, err
	}
	var a arena
	defer a.free()
	opts := options.native(&a)
	var report *C.msb_home_report
	err := controlled(ctx, &a, func(call *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_home_inspect(&opts, call, &report, failure)
	})
	if err != nil {
		return nil, err
	}
	return takeHomeReport(report), nil
}

func takeHomeReport(native *C.msb_home_report) *HomeReport {
	defer C.msb_handle_free(unsafe.Pointer(native))
	info := C.msb_home_info{struct_size: C.sizeof_msb_home_info}
	C.msb_home_report_read(native, &info)
	report := &HomeReport{
		State:            uint32(info.state),
		Generation:       uint32(info.generation),
		Writes:           uint32(info.writes),
		Migrations:       uint32(info.migrations),
		Home:             C.GoString(info.home),
		Database:         C.GoString(info.database),
		Obstacle:         C.GoString(info.obstacle),
		Schema:           C.GoString(info.schema),
		LastMigration:    C.GoString(info.last_migration),
		OldestRelease:    C.GoString(info.oldest_release),
		NewestRelease:    C.GoString(info.newest_release),
		Images:           uint64(info.images),
		Sandboxes:        uint64(info.sandboxes),
		Running:          uint64(info.running),
		IndexedSnapshots: uint64(info.indexed_snapshots),
		Snapshots:        uint64(info.snapshots),
		Problems:         make([]Problem, C.msb_home_report_problem_count(native)),
	}
	for i := range report.Problems {
		problem := C.msb_problem{struct_size: C.sizeof_msb_problem}
		C.msb_home_report_problem_at(native, C.size_t(i), &problem)
		report.Problems[i] = Problem{
			Kind:    uint32(problem.kind),
			Subject: C.GoString(problem.subject),
			Path:    C.GoString(problem.path),
			Message: C.GoString(problem.message),
		}
	}
	return report
}
