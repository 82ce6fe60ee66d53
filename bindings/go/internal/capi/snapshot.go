package capi

/*
#include <microsandbox.h>
*/
import "C"

import (
	"context"
	"unsafe"
)

// SnapshotOptions are those of msb_snapshot_create; "" is absent.
type SnapshotOptions struct {
	Name, Path             string
	Labels                 map[string]string
	Force, RecordIntegrity bool
}

// ConvertOptions are those of msb_snapshot_convert; "" is absent.
type ConvertOptions struct {
	Form                               uint32 // MSB_GENERATION_…
	Name, Path, DestDir                string
	Force, RecordIntegrity, DropParent bool
	IntegrityAlgorithm                 uint32 // MSB_INTEGRITY_…
}

// ExportOptions are those of msb_snapshot_export.
type ExportOptions struct{ WithParents, WithImage, PlainTar bool }

// CreateSnapshot is msb_snapshot_create.
func (c *Client) CreateSnapshot(ctx context.Context, sandbox string, options SnapshotOptions) (*Snapshot, error) {
	var a arena
	defer a.free()
	source := a.text(sandbox)
	opts := C.msb_snapshot_create_opts{
		struct_size:      C.sizeof_msb_snapshot_create_opts,
		name:             a.optional(options.Name),
		path:             a.optional(options.Path),
		force:            C.bool(options.Force),
		record_integrity: C.bool(options.RecordIntegrity),
	}
	opts.labels, opts.label_count = a.pairs(options.Labels)
	var snapshot *C.msb_snapshot
	err := c.do(ctx, &a, func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_snapshot_create(client, source, &opts, call, &snapshot, failure)
	})
	if err != nil {
		return nil, err
	}
	return takeSnapshot(snapshot), nil
}

// ConvertSnapshot is msb_snapshot_convert.
func (c *Client) ConvertSnapshot(ctx context.Context, ref string, options ConvertOptions) (*Snapshot, error) {
	var a arena
	defer a.free()
	name := a.text(ref)
	opts := C.msb_snapshot_convert_opts{
		struct_size:         C.sizeof_msb_snapshot_convert_opts,
		form:                C.uint32_t(options.Form),
		name:                a.optional(options.Name),
		path:                a.optional(options.Path),
		dest_dir:            a.optional(options.DestDir),
		force:               C.bool(options.Force),
		record_integrity:    C.bool(options.RecordIntegrity),
		integrity_algorithm: C.uint32_t(options.IntegrityAlgorithm),
		drop_parent:         C.bool(options.DropParent),
	}
	var snapshot *C.msb_snapshot
	err := c.do(ctx, &a, func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_snapshot_convert(client, name, &opts, call, &snapshot, failure)
	})
	if err != nil {
		return nil, err
	}
	return takeSnapshot(snapshot), nil
}

// OpenSnapshot is msb_snapshot_open.
func (c *Client) OpenSnapshot(ctx context.Context, ref string) (*Snapshot, error) {
	var a arena
	defer a.free()
	snapshot, err := c.openSnapshot(ctx, &a, ref)
	if err != nil {
		return nil, err
	}
	return takeSnapshot(snapshot), nil
}

func (c *Client) openSnapshot(ctx context.Context, a *arena, ref string) (*C.msb_snapshot, error) {
	name := a.text(ref)
	var snapshot *C.msb_snapshot
	err := c.do(ctx, a, func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_snapshot_open(client, name, call, &snapshot, failure)
	})
	return snapshot, err
}

// VerifySnapshot opens a snapshot and is then msb_snapshot_verify.
func (c *Client) VerifySnapshot(ctx context.Context, ref string) (*VerifyReport, error) {
	var a arena
	defer a.free()
	snapshot, err := c.openSnapshot(ctx, &a, ref)
	if err != nil {
		return nil, err
	}
	defer C.msb_handle_free(unsafe.Pointer(snapshot))
	var report *C.msb_verify_report
	err = c.do(ctx, &a, func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_snapshot_verify(client, snapshot, call, &report, failure)
	})
	if err != nil {
		return nil, err
	}
	return takeVerifyReport(report), nil
}

// GetSnapshot is msb_snapshot_get.
func (c *Client) GetSnapshot(ctx context.Context, ref string) (*SnapshotHandle, error) {
	var a arena
	defer a.free()
	name := a.text(ref)
	var handle *C.msb_snapshot_handle
	err := c.do(ctx, &a, func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_snapshot_get(client, name, call, &handle, failure)
	})
	if err != nil {
		return nil, err
	}
	return takeSnapshotHandle(handle), nil
}

// ListSnapshots is msb_snapshot_index_list.
func (c *Client) ListSnapshots(ctx context.Context) ([]SnapshotHandle, error) {
	var a arena
	defer a.free()
	var list *C.msb_snapshot_handle_list
	err := c.do(ctx, &a, func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_snapshot_index_list(client, nil, call, &list, failure)
	})
	if err != nil {
		return nil, err
	}
	return takeSnapshotHandles(list), nil
}

// ListSnapshotDir is msb_snapshot_dir_list.
func (c *Client) ListSnapshotDir(ctx context.Context, dir string) ([]*Snapshot, error) {
	var a arena
	defer a.free()
	path := a.text(dir)
	var list *C.msb_snapshot_list
	err := c.do(ctx, &a, func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_snapshot_dir_list(client, path, call, &list, failure)
	})
	if err != nil {
		return nil, err
	}
	return takeSnapshots(list), nil
}

// RemoveSnapshot is msb_snapshot_remove.
func (c *Client) RemoveSnapshot(ctx context.Context, ref string, force bool) error {
	var a arena
	defer a.free()
	name := a.text(ref)
	return c.do(ctx, &a, func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_snapshot_remove(client, name, C.bool(force), call, failure)
	})
}

// ReindexSnapshots is msb_snapshot_reindex; "" is the default directory.
func (c *Client) ReindexSnapshots(ctx context.Context, dir string) (uint32, error) {
	var a arena
	defer a.free()
	path := a.optional(dir)
	var indexed C.uint32_t
	err := c.do(ctx, &a, func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_snapshot_reindex(client, path, call, &indexed, failure)
	})
	return uint32(indexed), err
}

// ExportSnapshot is msb_snapshot_export.
func (c *Client) ExportSnapshot(ctx context.Context, ref, out string, options ExportOptions) error {
	var a arena
	defer a.free()
	name, path := a.text(ref), a.text(out)
	opts := C.msb_snapshot_export_opts{
		struct_size:  C.sizeof_msb_snapshot_export_opts,
		with_parents: C.bool(options.WithParents),
		with_image:   C.bool(options.WithImage),
		plain_tar:    C.bool(options.PlainTar),
	}
	return c.do(ctx, &a, func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_snapshot_export(client, name, path, &opts, call, failure)
	})
}

// ImportSnapshot is msb_snapshot_import; "" is the default directory.
func (c *Client) ImportSnapshot(ctx context.Context, archive, dest string) (*SnapshotHandle, error) {
	var a arena
	defer a.free()
	path := a.text(archive)
	opts := C.msb_snapshot_import_opts{struct_size: C.sizeof_msb_snapshot_import_opts, dest: a.optional(dest)}
	var handle *C.msb_snapshot_handle
	err := c.do(ctx, &a, func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_snapshot_import(client, path, &opts, call, &handle, failure)
	})
	if err != nil {
		return nil, err
	}
	return takeSnapshotHandle(handle), nil
}
