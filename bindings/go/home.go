package microsandbox

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/superradcompany/microsandbox/sdk/go/internal/capi"
)

// Home is an open state directory: images, sandboxes, snapshots, and the index of them. Programs that use the default
// home, $MSB_HOME or ~/.microsandbox, need none: the functions of this package open it by themselves. Others open theirs
// and put it into the context of their calls with [WithHome].
//
// Any number of goroutines and of processes may use a home at once.
type Home struct{ client *capi.Client }

// HomeOptions configures [OpenHome]. The zero value is the default home with default settings.
type HomeOptions struct {
	Dir         string        // "" for $MSB_HOME, else ~/.microsandbox
	ReadOnly    bool          // calls that would change something on disk fail with ErrUnsupportedOperation
	NoCreate    bool          // a home that does not exist is an error
	BusyTimeout time.Duration // longest wait for a lock of another process; 0 for 5 s or what config.json says
	Threads     uint32        // most worker threads of one call; 0 for the number of processors
}

// OpenHome opens a home, and creates it where there is none. Close it when done; one that is forgotten is closed when it
// is garbage collected.
func OpenHome(options HomeOptions) (*Home, error) {
	client, err := capi.Open(capi.Options{
		Home:        options.Dir,
		ReadOnly:    options.ReadOnly,
		NoCreate:    options.NoCreate,
		BusyTimeout: options.BusyTimeout,
		Threads:     options.Threads,
	})
	if err != nil {
		return nil, wrap(err)
	}
	return &Home{client}, nil
}

// Dir is the absolute path of the directory; "" when the home is closed.
func (h *Home) Dir() string { return h.client.Dir() }

// Close waits for calls that run, and closes the home. Later calls, and a second Close, fail with ErrInvalidHandle. What
// calls have returned stays valid.
func (h *Home) Close() error { return wrap(h.client.Close()) }

type homeKey struct{}

// WithHome makes the functions of this package use a home instead of the default one; nil stands for that again.
func WithHome(ctx context.Context, home *Home) context.Context {
	return context.WithValue(ctx, homeKey{}, home)
}

// The default home is opened at first use, and kept open. A program that changes $MSB_HOME gets another one.
var defaultHome struct {
	sync.Mutex
	variables [2]string
	client    *capi.Client
}

// clientOf is the client that a call with this context uses. A context that has ended opens nothing.
func clientOf(ctx context.Context) (*capi.Client, error) {
	if err := ctx.Err(); err != nil {
		return nil, wrap(err)
	}
	if home, _ := ctx.Value(homeKey{}).(*Home); home != nil {
		return home.client, nil
	}
	defaultHome.Lock()
	defer defaultHome.Unlock()
	variables := [2]string{os.Getenv("MSB_HOME"), os.Getenv("HOME")}
	if defaultHome.client != nil && defaultHome.variables == variables {
		return defaultHome.client, nil
	}
	client, err := capi.Open(capi.Options{Home: variables[0]})
	if err != nil {
		return nil, wrap(err)
	}
	defaultHome.variables, defaultHome.client = variables, client // calls that run keep the former one alive
	return client, nil
}
