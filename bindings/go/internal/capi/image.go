package capi

/*
#include <microsandbox.h>
#include <stdlib.h>
*/
import "C"

import (
	"context"
	"unsafe"
)

// The formats of archives.
const (
	ImageFormatDocker uint32 = C.MSB_IMAGE_FORMAT_DOCKER
	ImageFormatOCI    uint32 = C.MSB_IMAGE_FORMAT_OCI
)

// PruneReport is what a prune did.
type PruneReport struct {
	ImageRefs, Manifests, Layers, Fsmeta, VMDK uint32
	BytesReclaimed                             *uint64
}

// LoadImages is msb_image_load.
func (c *Client) LoadImages(ctx context.Context, archive string, tags []string, limits LayerLimits) ([]Image, error) {
	var a arena
	defer a.free()
	path := a.text(archive)
	opts := C.msb_image_load_opts{struct_size: C.sizeof_msb_image_load_opts}
	opts.tags, opts.tag_count = a.texts(tags)
	opts.max_file_bytes = C.uint64_t(limits.MaxFileBytes)
	opts.max_layer_bytes = C.uint64_t(limits.MaxLayerBytes)
	opts.max_layer_entries = C.uint64_t(limits.MaxLayerEntries)
	var list *C.msb_image_list
	err := c.do(ctx, &a, func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_image_load(client, path, &opts, call, &list, failure)
	})
	if err != nil {
		return nil, err
	}
	return takeImages(list), nil
}

// The policies of pulls.
const (
	PullIfMissing uint32 = C.MSB_PULL_IF_MISSING
	PullAlways    uint32 = C.MSB_PULL_ALWAYS
	PullNever     uint32 = C.MSB_PULL_NEVER
)

// PullOptions are those of msb_image_pull; what is zero is absent.
type PullOptions struct {
	Policy                uint32
	Force, Insecure       bool
	Username, Password    string // with a name, an empty password is one too
	CACertsPath, Platform string
	KeepBlobs, FallBack   bool
	Limits                LayerLimits
}

// LayerLimits bound what a layer may ask for; what is zero is the default.
type LayerLimits struct {
	MaxFileBytes, MaxLayerBytes, MaxLayerEntries uint64
}

// PullReport is what a pull did.
type PullReport struct {
	Cached, FellBack             bool
	LayersFetched, LayersPresent uint32
	BytesFetched                 uint64
}

// PullImage is msb_image_pull.
func (c *Client) PullImage(ctx context.Context, reference string, options PullOptions) (Image, PullReport, error) {
	var a arena
	defer a.free()
	name := a.text(reference)
	// Apart, for what C gets to see may not point to memory of Go.
	native := (*C.msb_image_pull_report)(a.own(C.calloc(1, C.sizeof_msb_image_pull_report)))
	native.struct_size = C.sizeof_msb_image_pull_report
	opts := C.msb_image_pull_opts{
		struct_size:   C.sizeof_msb_image_pull_opts,
		policy:        C.uint32_t(options.Policy),
		force:         C.bool(options.Force),
		insecure:      C.bool(options.Insecure),
		ca_certs_path: a.optional(options.CACertsPath),
		platform:      a.optional(options.Platform),
		keep:          C.MSB_KEEP_DEFAULT,
		fall_back:     C.bool(options.FallBack),
		report:        native,

		max_file_bytes:    C.uint64_t(options.Limits.MaxFileBytes),
		max_layer_bytes:   C.uint64_t(options.Limits.MaxLayerBytes),
		max_layer_entries: C.uint64_t(options.Limits.MaxLayerEntries),
	}
	if options.Username != "" || options.Password != "" {
		opts.username, opts.password = a.text(options.Username), a.text(options.Password)
	}
	if options.KeepBlobs {
		opts.keep = C.MSB_KEEP_BLOBS
	}
	var image *C.msb_image
	err := c.do(ctx, &a, func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_image_pull(client, name, &opts, call, &image, failure)
	})
	if err != nil {
		return Image{}, PullReport{}, err
	}
	defer C.msb_handle_free(unsafe.Pointer(image))
	return readImage(image), PullReport{
		Cached:        bool(native.cached),
		FellBack:      bool(native.fell_back),
		LayersFetched: uint32(native.layers_fetched),
		LayersPresent: uint32(native.layers_present),
		BytesFetched:  uint64(native.bytes_fetched),
	}, nil
}

// SaveImages is msb_image_save.
func (c *Client) SaveImages(ctx context.Context, references []string, out string, format uint32) error {
	var a arena
	defer a.free()
	names, count := a.texts(references)
	path := a.text(out)
	opts := C.msb_image_save_opts{struct_size: C.sizeof_msb_image_save_opts, format: C.uint32_t(format)}
	return c.do(ctx, &a, func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_image_save(client, names, count, path, &opts, call, failure)
	})
}

// GetImage is msb_image_get.
func (c *Client) GetImage(ctx context.Context, reference string) (Image, error) {
	var a arena
	defer a.free()
	name := a.text(reference)
	var image *C.msb_image
	err := c.do(ctx, &a, func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_image_get(client, name, call, &image, failure)
	})
	if err != nil {
		return Image{}, err
	}
	defer C.msb_handle_free(unsafe.Pointer(image))
	return readImage(image), nil
}

// ListImages is msb_image_index_list.
func (c *Client) ListImages(ctx context.Context) ([]Image, error) {
	var a arena
	defer a.free()
	var list *C.msb_image_list
	err := c.do(ctx, &a, func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_image_index_list(client, call, &list, failure)
	})
	if err != nil {
		return nil, err
	}
	return takeImages(list), nil
}

// InspectImage is msb_image_inspect.
func (c *Client) InspectImage(ctx context.Context, reference string) (*ImageDetail, error) {
	var a arena
	defer a.free()
	name := a.text(reference)
	var detail *C.msb_image_detail
	err := c.do(ctx, &a, func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_image_inspect(client, name, call, &detail, failure)
	})
	if err != nil {
		return nil, err
	}
	return takeImageDetail(detail), nil
}

// RemoveImage is msb_image_remove.
func (c *Client) RemoveImage(ctx context.Context, reference string, force bool) error {
	var a arena
	defer a.free()
	name := a.text(reference)
	return c.do(ctx, &a, func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_image_remove(client, name, C.bool(force), call, failure)
	})
}

// PruneImages is msb_image_prune.
func (c *Client) PruneImages(ctx context.Context) (PruneReport, error) {
	var a arena
	defer a.free()
	native := C.msb_image_prune_report{struct_size: C.sizeof_msb_image_prune_report}
	err := c.do(ctx, &a, func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status {
		return C.msb_image_prune(client, nil, call, &native, failure)
	})
	if err != nil {
		return PruneReport{}, err
	}
	report := PruneReport{
		ImageRefs: uint32(native.image_refs_removed),
		Manifests: uint32(native.manifests_removed),
		Layers:    uint32(native.layers_removed),
		Fsmeta:    uint32(native.fsmeta_removed),
		VMDK:      uint32(native.vmdk_removed),
	}
	if native.has_bytes_reclaimed {
		bytes := uint64(native.bytes_reclaimed)
		report.BytesReclaimed = &bytes
	}
	return report, nil
}

// CollectLayers is msb_image_gc_layers.
func (c *Client) CollectLayers(ctx context.Context) (uint32, error) {
	return c.collect(ctx, func(client *C.msb_client, call *C.msb_call, removed *C.uint32_t,
		failure **C.msb_error) C.msb_status {
		return C.msb_image_gc_layers(client, call, removed, failure)
	})
}

// CollectImages is msb_image_gc.
func (c *Client) CollectImages(ctx context.Context) (uint32, error) {
	return c.collect(ctx, func(client *C.msb_client, call *C.msb_call, removed *C.uint32_t,
		failure **C.msb_error) C.msb_status {
		return C.msb_image_gc(client, call, removed, failure)
	})
}

func (c *Client) collect(ctx context.Context,
	fn func(client *C.msb_client, call *C.msb_call, removed *C.uint32_t, failure **C.msb_error) C.msb_status) (uint32, error) {
	var a arena
	defer a.free()
	var removed C.uint32_t
	err := c.do(ctx, &a, func(client *C.msb_client, call *C.msb_call, failure **C.msb_error) C.msb_status {
		return fn(client, call, &removed, failure)
	})
	return uint32(removed), err
}
