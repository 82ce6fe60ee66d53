package capi

/*
#include <microsandbox.h>
*/
import "C"

import (
	"time"
	"unsafe"
)

// Image is what the index knows of an image. Text that is absent is "".
type Image struct {
	Reference, ManifestDigest string
	Architecture, OS          string
	LayerCount                uint
	SizeBytes                 *int64
	CreatedAt, LastUsedAt     time.Time
}

// ImageDetail is an image with its config, nil when none is recorded, and its layers.
type ImageDetail struct {
	Image
	Config *ImageConfig
	Layers []ImageLayer
}

// ImageConfig keeps absent lists (nil) and empty ones apart.
type ImageConfig struct {
	Digest               string
	Env, Cmd, Entrypoint []string
	WorkingDir, User     string
	Labels               map[string]string // nil when there are none
	StopSignal           string
}

// ImageLayer is one layer.
type ImageLayer struct {
	DiffID, BlobDigest, MediaType       string
	CompressedSizeBytes, ErofsSizeBytes *int64
	Position                            int32
}

func readImage(native *C.msb_image) Image {
	info := C.msb_image_info{struct_size: C.sizeof_msb_image_info}
	C.msb_image_read(native, &info)
	return Image{
		Reference:      C.GoString(info.reference),
		ManifestDigest: C.GoString(info.manifest_digest),
		Architecture:   C.GoString(info.architecture),
		OS:             C.GoString(info.os),
		LayerCount:     uint(info.layer_count),
		SizeBytes:      size(info.has_size_bytes, info.size_bytes),
		CreatedAt:      moment(info.created_at_ns),
		LastUsedAt:     moment(info.last_used_at_ns),
	}
}

func takeImages(list *C.msb_image_list) []Image {
	defer C.msb_handle_free(unsafe.Pointer(list))
	images := make([]Image, C.msb_image_list_count(list))
	for i := range images {
		images[i] = readImage(C.msb_image_list_at(list, C.size_t(i)))
	}
	return images
}

func takeImageDetail(native *C.msb_image_detail) *ImageDetail {
	defer C.msb_handle_free(unsafe.Pointer(native))
	detail := &ImageDetail{Image: readImage(C.msb_image_detail_image(native))}
	config := C.msb_image_config{struct_size: C.sizeof_msb_image_config}
	if C.msb_image_detail_config(native, &config) {
		detail.Config = readImageConfig(&config)
	}
	if count := C.msb_image_detail_layer_count(native); count > 0 {
		detail.Layers = make([]ImageLayer, count)
	}
	for i := range detail.Layers {
		layer := C.msb_image_layer{struct_size: C.sizeof_msb_image_layer}
		C.msb_image_detail_layer_at(native, C.size_t(i), &layer)
		detail.Layers[i] = readImageLayer(&layer)
	}
	return detail
}

func readImageConfig(config *C.msb_image_config) *ImageConfig {
	read := &ImageConfig{
		Digest:     C.GoString(config.digest),
		Env:        textList(config.env, config.env_count),
		Cmd:        textList(config.cmd, config.cmd_count),
		Entrypoint: textList(config.entrypoint, config.entrypoint_count),
		WorkingDir: C.GoString(config.working_dir),
		User:       C.GoString(config.user),
		StopSignal: C.GoString(config.stop_signal),
	}
	if config.label_count > 0 {
		read.Labels = textMap(config.labels, config.label_count)
	}
	return read
}

func readImageLayer(layer *C.msb_image_layer) ImageLayer {
	return ImageLayer{
		DiffID:              C.GoString(layer.diff_id),
		BlobDigest:          C.GoString(layer.blob_digest),
		MediaType:           C.GoString(layer.media_type),
		CompressedSizeBytes: size(layer.has_compressed_size_bytes, layer.compressed_size_bytes),
		ErofsSizeBytes:      size(layer.has_erofs_size_bytes, layer.erofs_size_bytes),
		Position:            int32(layer.position),
	}
}

// size is nil when unknown. Files have lengths of 63 bits.
func size(known C.bool, bytes C.uint64_t) *int64 {
	if !known {
		return nil
	}
	n := int64(bytes)
	return &n
}
