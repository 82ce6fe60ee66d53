package microsandbox

import (
	"context"
	"fmt"

	"github.com/superradcompany/microsandbox/sdk/go/internal/capi"
)

// Image is the local cache of OCI images. What it can do are the methods of [ImageFactory].
var Image ImageFactory

// ImageFactory has the functions of [Image]: m.Image.List(ctx) is `go doc ImageFactory.List`.
type ImageFactory struct{}

// Get looks an image up by its reference: as it was stored, else in its full form, so that "python:3.12" finds
// "docker.io/library/python:3.12". It fails with ErrImageNotFound when the cache has none.
func (ImageFactory) Get(ctx context.Context, reference string) (*ImageHandle, error) {
	client, err := clientOf(ctx)
	if err != nil {
		return nil, err
	}
	image, err := client.GetImage(ctx, reference)
	if err != nil {
		return nil, wrap(err)
	}
	return &ImageHandle{image}, nil
}

// List returns every image of the cache, newest first; never nil.
func (ImageFactory) List(ctx context.Context) ([]*ImageHandle, error) {
	client, err := clientOf(ctx)
	if err != nil {
		return nil, err
	}
	images, err := client.ListImages(ctx)
	if err != nil {
		return nil, wrap(err)
	}
	return imageHandles(images), nil
}

// Inspect is Get with the config of the image and its layers.
func (ImageFactory) Inspect(ctx context.Context, reference string) (*ImageDetail, error) {
	client, err := clientOf(ctx)
	if err != nil {
		return nil, err
	}
	detail, err := client.InspectImage(ctx, reference)
	if err != nil {
		return nil, wrap(err)
	}
	return imageDetail(detail), nil
}

// Remove takes a reference away, and with the last one of an image its files. While sandboxes use the image it fails with
// ErrImageInUse, unless force is set; what they and snapshots need is kept until they are gone.
func (ImageFactory) Remove(ctx context.Context, reference string, force bool) error {
	client, err := clientOf(ctx)
	if err != nil {
		return err
	}
	return wrap(client.RemoveImage(ctx, reference, force))
}

// Prune removes the images that no sandbox and no snapshot uses, and files that nothing refers to.
func (ImageFactory) Prune(ctx context.Context) (*ImagePruneReport, error) {
	client, err := clientOf(ctx)
	if err != nil {
		return nil, err
	}
	report, err := client.PruneImages(ctx)
	if err != nil {
		return nil, wrap(err)
	}
	return &ImagePruneReport{
		ImageRefsRemoved: report.ImageRefs,
		ManifestsRemoved: report.Manifests,
		LayersRemoved:    report.Layers,
		FsmetaRemoved:    report.Fsmeta,
		VMDKRemoved:      report.VMDK,
		BytesReclaimed:   report.BytesReclaimed,
	}, nil
}

// GCLayers removes layers that no image refers to, and returns their number.
func (ImageFactory) GCLayers(ctx context.Context) (uint32, error) {
	client, err := clientOf(ctx)
	if err != nil {
		return 0, err
	}
	removed, err := client.CollectLayers(ctx)
	return removed, wrap(err)
}

// GC removes everything that no reference, sandbox or snapshot needs, and returns the number of things removed.
// References stay.
func (ImageFactory) GC(ctx context.Context) (uint32, error) {
	client, err := clientOf(ctx)
	if err != nil {
		return 0, err
	}
	removed, err := client.CollectImages(ctx)
	return removed, wrap(err)
}

// Load puts the images of an archive into the cache: a `docker save` archive or an OCI image layout, as a tar file
// (plain, gzip or zstd) or as a directory. The tags are given to its first image, beside those that the archive has. The
// result has one handle for each reference.
func (f ImageFactory) Load(ctx context.Context, inputPath string, tags ...string) ([]*ImageHandle, error) {
	return f.LoadWithin(ctx, LayerLimits{}, inputPath, tags...)
}

// LoadWithin is Load with other bounds of what layers may ask for.
func (ImageFactory) LoadWithin(ctx context.Context, limits LayerLimits, inputPath string, tags ...string) ([]*ImageHandle, error) {
	client, err := clientOf(ctx)
	if err != nil {
		return nil, err
	}
	images, err := client.LoadImages(ctx, inputPath, tags, capi.LayerLimits(limits))
	if err != nil {
		return nil, wrap(err)
	}
	return imageHandles(images), nil
}

// ImageArchiveFormat is a format that [Image].Save writes.
type ImageArchiveFormat string

// The formats of archives; "" is ImageArchiveDocker.
const (
	ImageArchiveDocker ImageArchiveFormat = "docker" // for `docker load` and `msb load`
	ImageArchiveOCI    ImageArchiveFormat = "oci"    // OCI image layout
)

// Save writes images as one tar archive, the same bytes each time. The file appears when it is whole.
func (ImageFactory) Save(ctx context.Context, references []string, outputPath string, format ImageArchiveFormat) error {
	native := capi.ImageFormatDocker
	switch format {
	case "", ImageArchiveDocker:
	case ImageArchiveOCI:
		native = capi.ImageFormatOCI
	default:
		return failure(ErrInvalidArgument, fmt.Sprintf("invalid argument: unknown archive format %q", string(format)))
	}
	client, err := clientOf(ctx)
	if err != nil {
		return err
	}
	return wrap(client.SaveImages(ctx, references, outputPath, native))
}
