package microsandbox_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	m "github.com/superradcompany/microsandbox/sdk/go"
	"github.com/superradcompany/microsandbox/sdk/go/internal/testimage"
)

// TestMain gives examples a default home of their own, and holds that nothing of C and no goroutine outlives the tests.
func TestMain(tests *testing.M) {
	dir, err := os.MkdirTemp("", "msb-go-")
	if err != nil {
		panic(err)
	}
	os.Setenv("MSB_HOME", filepath.Join(dir, "home"))
	before := runtime.NumGoroutine()
	code := tests.Run()
	if err := m.CloseDefaultHome(); err != nil {
		fmt.Println("closing the default home:", err)
		code = 1
	}
	if left := settle(m.LiveHandles, 0); left != 0 {
		fmt.Println("objects of the library left alive:", left)
		code = 1
	}
	if left := settle(runtime.NumGoroutine, before); left > before {
		fmt.Println("goroutines left:", left-before)
		code = 1
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// settle waits a little for a number to come down to what it should be: finalizers and ending goroutines take their time.
func settle(number func() int, want int) int {
	for i := 0; i < 100 && number() > want; i++ {
		runtime.GC()
		time.Sleep(10 * time.Millisecond)
	}
	return number()
}

// newHome opens an empty home for one test, and returns a context that uses it.
func newHome(t testing.TB) (context.Context, *m.Client) {
	t.Helper()
	return newHomeOf(t, "")
}

// newHomeOf is newHome for a release of microsandbox.
func newHomeOf(t testing.TB, release string) (context.Context, *m.Client) {
	t.Helper()
	client, err := m.OpenClient(m.ClientOptions{Home: filepath.Join(t.TempDir(), "home"), NewHomeRelease: release})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return m.WithClient(context.Background(), client), client
}

var demoImage = testimage.Image{
	Reference: "demo/app:1",
	Files:     []map[string]string{{"etc/motd": "base\n", "bin/app": "#!/bin/sh\n"}, {"etc/motd": "changed\n"}},
	Config: map[string]interface{}{
		"Env": []string{"PATH=/bin", "GREETING=grüß dich"}, "Cmd": []string{"/bin/app"}, "WorkingDir": "/srv",
		"User": "1000:1000", "StopSignal": "SIGINT", "Labels": map[string]string{"tier": "demo"},
	},
}

// writeImage writes an image archive and returns its path.
func writeImage(t testing.TB, image testimage.Image) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image.tar")
	if err := image.Write(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// loadDemo puts the demo image into the cache.
func loadDemo(t testing.TB, ctx context.Context) *m.ImageHandle {
	t.Helper()
	images, err := m.Image.Load(ctx, writeImage(t, demoImage))
	if err != nil {
		t.Fatal(err)
	}
	return images[0]
}

func wantKind(t testing.TB, err error, kind m.ErrorKind) {
	t.Helper()
	if !m.IsKind(err, kind) {
		t.Errorf("got %v, want an error of kind %v", err, kind)
	}
}
