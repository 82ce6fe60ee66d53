package microsandbox

import (
	"context"
	"fmt"

	"github.com/superradcompany/microsandbox/sdk/go/internal/capi"
)

// ImagePull is an image as it was pulled, and what that took.
type ImagePull struct {
	*ImageHandle
	Cached        bool // all of it was there: nothing was fetched but perhaps its manifest
	FellBack      bool // the registry could not be reached, and the cached image was taken
	LayersFetched uint32
	LayersSkipped uint32 // that were there already
	BytesFetched  uint64 // of layers, as they came
}

// PullOption configures [Image].Pull.
type PullOption func(*pullOptions)

type pullOptions struct {
	policy      PullPolicy
	platform    string
	auth        *RegistryAuth
	caCertsPath string
	insecure    bool
	refetch     bool
	fallBack    bool
	keepBlobs   bool
	limits      LayerLimits
}

// LayerLimits bound what a layer of an image may ask for; what is zero is the default. An error names the one that is
// too low.
type LayerLimits struct {
	MaxFileBytes    uint64 // of one file; by default 64 GiB
	MaxLayerBytes   uint64 // of all files; by default 256 GiB
	MaxLayerEntries uint64 // files and directories; by default 1,000,000
}

// WithLayerLimits sets what layers may ask for.
func WithLayerLimits(limits LayerLimits) PullOption {
	return func(options *pullOptions) { options.limits = limits }
}

// WithPolicy sets whether the registry is asked: if the image is not cached, unless told.
func WithPolicy(policy PullPolicy) PullOption {
	return func(options *pullOptions) { options.policy = policy }
}

// WithPlatform chooses among the images of a reference, "linux/arm64" or "linux/arm/v7"; that of this machine unless told.
func WithPlatform(platform string) PullOption {
	return func(options *pullOptions) { options.platform = platform }
}

// WithCredentials says who pulls. No other host is shown them, and they are not stored. Without this, those of the home's
// config.json are taken, else those of Docker's configuration and its helpers.
func WithCredentials(auth RegistryAuth) PullOption {
	return func(options *pullOptions) { options.auth = &auth }
}

// WithCACerts trusts the authorities of a PEM file beside those of the system.
func WithCACerts(path string) PullOption {
	return func(options *pullOptions) { options.caCertsPath = path }
}

// WithInsecureRegistry speaks plain HTTP.
func WithInsecureRegistry() PullOption {
	return func(options *pullOptions) { options.insecure = true }
}

// WithRefetch fetches and makes everything anew, although it is cached.
func WithRefetch() PullOption {
	return func(options *pullOptions) { options.refetch = true }
}

// WithFallBack takes what is cached when the registry cannot be reached.
func WithFallBack() PullOption {
	return func(options *pullOptions) { options.fallBack = true }
}

// WithBlobs keeps the compressed layers too, so that a saved image has its original manifest digest.
func WithBlobs() PullOption {
	return func(options *pullOptions) { options.keepBlobs = true }
}

// Pull gets an image from its registry, unless the cache has it: "python:3.12", "localhost:5000/app@sha256:…". What breaks
// is taken up where it stood, layers that are cached are not fetched again, and pulls that need the same layer share it.
// Mirrors, authorities, credentials and hosts that speak plain HTTP may be set in the home's config.json, proxies in the
// environment.
//
// [WithProgress] tells of every layer: PhaseDownloading counts its bytes, Index of Count says which it is.
//
// It fails with ErrImageNotFound when the registry does not have the image, or it is not cached and must not be pulled;
// with ErrImagePullFailed when a layer could not be had; with ErrInternal, and Code "http", when the registry cannot be
// reached, is not trusted, or does not let us in: Detail("http_status") is what it said. The cache is then as it was,
// but for layers that were finished.
func (ImageFactory) Pull(ctx context.Context, reference string, opts ...PullOption) (*ImagePull, error) {
	var options pullOptions
	for _, option := range opts {
		option(&options)
	}
	native, err := options.native()
	if err != nil {
		return nil, err
	}
	client, err := clientOf(ctx)
	if err != nil {
		return nil, err
	}
	image, report, err := client.PullImage(ctx, reference, native)
	if err != nil {
		return nil, wrap(err)
	}
	return &ImagePull{
		ImageHandle:   &ImageHandle{image},
		Cached:        report.Cached,
		FellBack:      report.FellBack,
		LayersFetched: report.LayersFetched,
		LayersSkipped: report.LayersPresent,
		BytesFetched:  report.BytesFetched,
	}, nil
}

var nativePolicies = map[PullPolicy]uint32{
	PullPolicyDefault: capi.PullIfMissing, PullPolicyIfMissing: capi.PullIfMissing, PullPolicyAlways: capi.PullAlways,
	PullPolicyNever: capi.PullNever,
}

func (options *pullOptions) native() (capi.PullOptions, error) {
	policy, known := nativePolicies[options.policy]
	if !known {
		return capi.PullOptions{}, unknownPolicy(options.policy)
	}
	native := capi.PullOptions{
		Policy:      policy,
		Force:       options.refetch,
		Insecure:    options.insecure,
		CACertsPath: options.caCertsPath,
		Platform:    options.platform,
		KeepBlobs:   options.keepBlobs,
		FallBack:    options.fallBack,
		Limits:      capi.LayerLimits(options.limits),
	}
	if options.auth != nil {
		native.Username, native.Password = options.auth.Username, options.auth.Password
	}
	return native, nil
}

func unknownPolicy(policy PullPolicy) error {
	return failure(ErrInvalidArgument, fmt.Sprintf("invalid argument: unknown pull policy %q", string(policy)))
}
