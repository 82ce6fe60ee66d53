package microsandbox

import (
	"context"
	"time"

	"github.com/superradcompany/microsandbox/sdk/go/internal/capi"
)

// ImageHandle is what the index knows of a cached image. It does not change; goroutines may share it.
type ImageHandle struct{ info capi.Image }

func imageHandles(images []capi.Image) []*ImageHandle {
	handles := make([]*ImageHandle, len(images))
	for i := range images {
		handles[i] = &ImageHandle{images[i]}
	}
	return handles
}

// Reference is the image reference as it is stored, "docker.io/library/python:3.12".
func (h *ImageHandle) Reference() string { return h.info.Reference }

// ManifestDigest is the digest of the manifest; "" when unknown.
func (h *ImageHandle) ManifestDigest() string { return h.info.ManifestDigest }

// Architecture is the processor that the image is for, "amd64"; "" when unknown.
func (h *ImageHandle) Architecture() string { return h.info.Architecture }

// OS is the operating system that the image is for, "linux"; "" when unknown.
func (h *ImageHandle) OS() string { return h.info.OS }

// LayerCount is the number of layers.
func (h *ImageHandle) LayerCount() uint { return h.info.LayerCount }

// SizeBytes is the size of the image as it is distributed, compressed; nil when unknown.
func (h *ImageHandle) SizeBytes() *int64 {
	if h.info.SizeBytes == nil {
		return nil
	}
	size := *h.info.SizeBytes
	return &size
}

// CreatedAt is when the image was first loaded or pulled, in whole seconds; zero when unknown.
func (h *ImageHandle) CreatedAt() time.Time { return wholeSeconds(h.info.CreatedAt) }

// LastUsedAt is when the image was last used, in whole seconds; zero when unknown.
func (h *ImageHandle) LastUsedAt() time.Time { return wholeSeconds(h.info.LastUsedAt) }

// Remove is [Image].Remove of this reference.
func (h *ImageHandle) Remove(ctx context.Context, force bool) error {
	return Image.Remove(ctx, h.Reference(), force)
}

// Inspect is [Image].Inspect of this reference.
func (h *ImageHandle) Inspect(ctx context.Context) (*ImageDetail, error) {
	return Image.Inspect(ctx, h.Reference())
}

// ImageDetail is an image with its config and layers.
type ImageDetail struct {
	*ImageHandle
	Config *ImageConfig // nil when none is recorded
	Layers []ImageLayer // bottom first
}

// ImageConfig is what an image says about how to run it.
type ImageConfig struct {
	Digest     string
	Env        []string // KEY=VALUE; never nil
	Cmd        []string // nil when absent, like Entrypoint; empty when the image says so
	Entrypoint []string
	WorkingDir string
	User       string
	Labels     map[string]string
	StopSignal string
}

// ImageLayer is one layer of an image.
type ImageLayer struct {
	DiffID              string // digest of the uncompressed layer
	BlobDigest          string // digest of the layer as it is distributed
	MediaType           string
	CompressedSizeBytes *int64 // nil when unknown
	ErofsSizeBytes      *int64 // of the layer's file in the cache; nil when unknown
	Position            int32  // 0 is the bottom
}

// ImagePruneReport counts what [Image].Prune removed.
type ImagePruneReport struct {
	ImageRefsRemoved uint32
	ManifestsRemoved uint32
	LayersRemoved    uint32
	FsmetaRemoved    uint32
	VMDKRemoved      uint32
	BytesReclaimed   *uint64 // nil when no file was removed
}

func imageDetail(native *capi.ImageDetail) *ImageDetail {
	detail := &ImageDetail{ImageHandle: &ImageHandle{native.Image}}
	if native.Config != nil {
		config := ImageConfig(*native.Config)
		if config.Env == nil {
			config.Env = []string{}
		}
		detail.Config = &config
	}
	if native.Layers != nil {
		detail.Layers = make([]ImageLayer, len(native.Layers))
	}
	for i, layer := range native.Layers {
		detail.Layers[i] = ImageLayer(layer)
	}
	return detail
}

// wholeSeconds is the precision that the documented surface has.
func wholeSeconds(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return time.Unix(t.Unix(), 0)
}
