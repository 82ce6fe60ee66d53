package microsandbox

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/superradcompany/microsandbox/sdk/go/internal/capi"
)

// Client is an open home: the directory with images, sandboxes, snapshots, and the index of them. Programs that use the
// default home, $MSB_HOME or ~/.microsandbox, need none: the functions of this package open it by themselves. Others open
// theirs and put it into the context of their calls with [WithClient].
//
// Any number of goroutines may share a client, and any number of processes a home.
type Client struct{ native *capi.Client }

// ClientOptions configures [OpenClient]. The zero value is the default home with default settings.
type ClientOptions struct {
	Home         string // "" for $MSB_HOME, else ~/.microsandbox
	CacheDir     string // "" for "cache" in the home, or what its config.json says; likewise the next two
	SnapshotsDir string
	SandboxesDir string
	ReadOnly     bool          // calls that would change something on disk fail with ErrUnsupportedOperation
	NoCreate     bool          // a home that does not exist is an error
	BusyTimeout  time.Duration // longest wait for a lock of another process; 0 for 5 s or what config.json says
	Threads      uint32        // most worker threads of one call; 0 for the number of processors

	// NewHomeRelease is the release of microsandbox that a home without an index is made for, "0.6.3" to "0.6.18"; "" for
	// 0.6.3, which later ones upgrade. A home that has an index stays as it is.
	NewHomeRelease string

	// Log receives what is no failure: a damaged snapshot that a list leaves out, a file that was rebuilt. It is called on
	// whichever thread does the work, and must not itself use this package.
	Log      func(LogEntry)
	LogLevel LogLevel // most verbose level that Log wants; 0 for LogWarn
}

// LogLevel is how much a line of log matters.
type LogLevel uint32

// The levels, from the gravest on.
const (
	LogError LogLevel = iota + 1
	LogWarn
	LogInfo
	LogDebug
)

// LogEntry is a line of log. Target names the part of the library that it comes from.
type LogEntry struct {
	Level   LogLevel
	Target  string
	Message string
}

// OpenClient opens a home, and creates it where there is none; [Home].Inspect looks without opening. Close it when done; one that is forgotten is closed when it
// is garbage collected.
func OpenClient(options ClientOptions) (*Client, error) {
	client, err := capi.Open(options.native())
	if err != nil {
		return nil, wrap(err)
	}
	return &Client{client}, nil
}

func (options ClientOptions) native() capi.Options {
	native := capi.Options{
		Home:           options.Home,
		CacheDir:       options.CacheDir,
		SnapshotsDir:   options.SnapshotsDir,
		SandboxesDir:   options.SandboxesDir,
		ReadOnly:       options.ReadOnly,
		NoCreate:       options.NoCreate,
		BusyTimeout:    options.BusyTimeout,
		Threads:        options.Threads,
		NewHomeRelease: options.NewHomeRelease,
		LogLevel:       uint32(options.LogLevel),
	}
	if log := options.Log; log != nil {
		native.Log = func(level uint32, target, message string) { log(LogEntry{LogLevel(level), target, message}) }
	}
	return native
}

// Home is the absolute path of the home; "" when the client is closed.
func (c *Client) Home() string { return c.native.Home() }

// Close stops the machines that its sandboxes own as [Sandbox.Stop] does, waits for calls that run, and closes the home.
// Later calls, and a second Close, fail with ErrInvalidHandle. What calls have returned stays valid.
func (c *Client) Close() error {
	owned := c.native.Sandboxes()
	for _, name := range owned { // all at once
		_ = requestStop(context.Background(), c.native, name, false)
	}
	var failed error
	for _, name := range owned {
		if err := stop(context.Background(), c.native, name, stopTimeout); err != nil {
			failed = err
		}
	}
	if err := c.native.Close(); err != nil {
		return wrap(err)
	}
	return failed
}

type clientKey struct{}

// WithClient makes the functions of this package use the home of a client instead of the default one; nil stands for that
// again.
func WithClient(ctx context.Context, client *Client) context.Context {
	if ctx == nil {
		return nil // which calls refuse
	}
	return context.WithValue(ctx, clientKey{}, client)
}

// The default home is opened at first use, and kept open. A program that changes $MSB_HOME gets another one.
var defaultHome struct {
	sync.Mutex
	variables [2]string
	client    *capi.Client
}

// clientOf is the client that a call with this context uses. A context that has ended opens nothing.
func clientOf(ctx context.Context) (*capi.Client, error) {
	if err := alive(ctx); err != nil {
		return nil, err
	}
	if client, _ := ctx.Value(clientKey{}).(*Client); client != nil {
		return client.native, nil
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
