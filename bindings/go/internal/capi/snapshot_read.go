package capi

/*
#include <microsandbox.h>
*/
import "C"

import (
	"time"
	"unsafe"
)

// Snapshot is an opened snapshot: what its descriptor says.
type Snapshot struct {
	Path, Digest          string
	SizeBytes             uint64
	ImageRef, ImageDigest string
	Format, Fstype        string
	Parent                *string
	CreatedAt             string
	SourceSandbox         *string
	Labels                map[string]string
}

// SnapshotHandle is what the index knows of a snapshot.
type SnapshotHandle struct {
	Digest                 string
	Name, Parent           *string
	ImageRef, Format, Path string
	SizeBytes              *uint64
	CreatedAt              time.Time
}

// VerifyReport says what was verified; the algorithm and digest of the disk are "" when none is recorded.
type VerifyReport struct {
	Digest, Path                string
	Verified                    bool
	UpperAlgorithm, UpperDigest string
}

func takeSnapshot(native *C.msb_snapshot) *Snapshot {
	defer C.msb_handle_free(unsafe.Pointer(native))
	return readSnapshot(native)
}

func readSnapshot(native *C.msb_snapshot) *Snapshot {
	info := C.msb_snapshot_info{struct_size: C.sizeof_msb_snapshot_info}
	C.msb_snapshot_read(native, &info)
	return &Snapshot{
		Path:          C.GoString(info.path),
		Digest:        C.GoString(info.digest),
		SizeBytes:     uint64(info.size_bytes),
		ImageRef:      C.GoString(info.image_ref),
		ImageDigest:   C.GoString(info.image_digest),
		Format:        C.GoString(info.format),
		Fstype:        C.GoString(info.fstype),
		Parent:        optionalText(info.parent),
		CreatedAt:     C.GoString(info.created_at),
		SourceSandbox: optionalText(info.source_sandbox),
		Labels:        textMap(info.labels, info.label_count),
	}
}

func takeSnapshots(list *C.msb_snapshot_list) []*Snapshot {
	defer C.msb_handle_free(unsafe.Pointer(list))
	snapshots := make([]*Snapshot, C.msb_snapshot_list_count(list))
	for i := range snapshots {
		snapshots[i] = readSnapshot(C.msb_snapshot_list_at(list, C.size_t(i)))
	}
	return snapshots
}

func takeSnapshotHandle(native *C.msb_snapshot_handle) *SnapshotHandle {
	defer C.msb_handle_free(unsafe.Pointer(native))
	var info C.msb_snapshot_handle_info
	handle := &SnapshotHandle{}
	handle.read(native, &info)
	return handle
}

// takeSnapshotHandles reads into one block of handles: lists may be long.
func takeSnapshotHandles(list *C.msb_snapshot_handle_list) []SnapshotHandle {
	defer C.msb_handle_free(unsafe.Pointer(list))
	var info C.msb_snapshot_handle_info
	handles := make([]SnapshotHandle, C.msb_snapshot_handle_list_count(list))
	for i := range handles {
		handles[i].read(C.msb_snapshot_handle_list_at(list, C.size_t(i)), &info)
	}
	return handles
}

func (h *SnapshotHandle) read(native *C.msb_snapshot_handle, info *C.msb_snapshot_handle_info) {
	info.struct_size = C.sizeof_msb_snapshot_handle_info
	C.msb_snapshot_handle_read(native, info)
	*h = SnapshotHandle{
		Digest:    C.GoString(info.digest),
		Name:      optionalText(info.name),
		Parent:    optionalText(info.parent),
		ImageRef:  C.GoString(info.image_ref),
		Format:    C.GoString(info.format),
		Path:      C.GoString(info.path),
		CreatedAt: moment(info.created_at_ns),
	}
	if info.has_size_bytes {
		size := uint64(info.size_bytes)
		h.SizeBytes = &size
	}
}

func takeVerifyReport(native *C.msb_verify_report) *VerifyReport {
	defer C.msb_handle_free(unsafe.Pointer(native))
	info := C.msb_verify_report_info{struct_size: C.sizeof_msb_verify_report_info}
	C.msb_verify_report_read(native, &info)
	return &VerifyReport{
		Digest:         C.GoString(info.digest),
		Path:           C.GoString(info.path),
		Verified:       info.upper_kind == C.MSB_UPPER_VERIFIED,
		UpperAlgorithm: C.GoString(info.upper_algorithm),
		UpperDigest:    C.GoString(info.upper_digest),
	}
}
