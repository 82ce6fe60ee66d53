package microsandbox

import (
	"context"

	"github.com/superradcompany/microsandbox/sdk/go/internal/capi"
)

// sdkVersion is the version of this package, and of the header it was written for.
const sdkVersion = "0.1.0"

// SetupOption configures [EnsureInstalled].
type SetupOption func(*setupConfig)

type setupConfig struct{}

// WithSkipDownload is accepted and does nothing: nothing is ever downloaded.
func WithSkipDownload() SetupOption { return func(*setupConfig) {} }

// EnsureInstalled tells whether the library that the program runs with can be used: nil, or ErrLibraryNotLoaded with the
// reason. Calling it is optional.
func EnsureInstalled(ctx context.Context, opts ...SetupOption) error {
	if err := alive(ctx); err != nil {
		return err
	}
	var config setupConfig
	for _, option := range opts {
		option(&config)
	}
	return wrap(capi.CheckLibrary())
}

// IsInstalled tells whether the library that the program runs with can be used.
func IsInstalled() bool { return capi.CheckLibrary() == nil }

// SDKVersion is the version of this package.
func SDKVersion() string { return sdkVersion }

// RuntimeVersion is the version of the library that is loaded.
func RuntimeVersion() (string, error) {
	if err := capi.CheckLibrary(); err != nil {
		return "", wrap(err)
	}
	return capi.Version(), nil
}
