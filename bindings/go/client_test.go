package microsandbox_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	m "github.com/superradcompany/microsandbox/sdk/go"
)

func TestClientClose(t *testing.T) {
	ctx, client := newHome(t)
	image := loadDemo(t, ctx)
	if dir := client.Home(); !filepath.IsAbs(dir) {
		t.Errorf("directory is %q", dir)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	wantKind(t, client.Close(), m.ErrInvalidHandle)
	_, err := m.Image.List(ctx)
	wantKind(t, err, m.ErrInvalidHandle)
	wantKind(t, image.Remove(ctx, false), m.ErrInvalidHandle)
	if image.Reference() == "" || client.Home() != "" {
		t.Error("what was returned does not outlive the home, or the home does")
	}
}

func TestHomesAreApart(t *testing.T) {
	one, _ := newHome(t)
	other, _ := newHome(t)
	loadDemo(t, one)
	_, err := m.Image.Get(other, "demo/app:1")
	wantKind(t, err, m.ErrImageNotFound)
}

func TestForgottenClientIsClosed(t *testing.T) {
	before := m.LiveHandles()
	for i := 0; i < 8; i++ {
		if _, err := m.OpenClient(m.ClientOptions{Home: filepath.Join(t.TempDir(), "home")}); err != nil {
			t.Fatal(err)
		}
	}
	if left := settle(m.LiveHandles, before); left > before {
		t.Errorf("%d homes were not closed", left-before)
	}
}

func TestDefaultHomeFollowsTheEnvironment(t *testing.T) {
	ctx := context.Background()
	first, second := t.TempDir(), t.TempDir()
	t.Setenv("MSB_HOME", first)
	loadDemo(t, ctx)
	t.Setenv("MSB_HOME", second)
	_, err := m.Image.Get(ctx, "demo/app:1")
	wantKind(t, err, m.ErrImageNotFound)
	t.Setenv("MSB_HOME", first)
	if _, err := m.Image.Get(m.WithClient(ctx, nil), "demo/app:1"); err != nil {
		t.Error(err)
	}
}

func TestClientReadOnly(t *testing.T) {
	ctx, client := newHome(t)
	loadDemo(t, ctx)
	reader, err := m.OpenClient(m.ClientOptions{Home: client.Home(), ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	ctx = m.WithClient(context.Background(), reader)
	if images, err := m.Image.List(ctx); err != nil || len(images) != 1 {
		t.Errorf("listed %d, %v", len(images), err)
	}
	wantKind(t, m.Image.Remove(ctx, "demo/app:1", false), m.ErrUnsupportedOperation)
}

func TestClientNoCreate(t *testing.T) {
	_, err := m.OpenClient(m.ClientOptions{Home: filepath.Join(t.TempDir(), "none"), NoCreate: true})
	if err == nil {
		t.Error("opened a home that does not exist")
	}
}

func TestSetup(t *testing.T) {
	if err := m.EnsureInstalled(context.Background(), m.WithSkipDownload()); err != nil || !m.IsInstalled() {
		t.Errorf("the library is not usable: %v", err)
	}
	version, err := m.RuntimeVersion()
	if err != nil || strings.Count(version, ".") != 2 {
		t.Errorf("version %q, %v", version, err)
	}
	if m.SDKVersion() != m.HeaderVersion() {
		t.Errorf("this package says %s, its header %s", m.SDKVersion(), m.HeaderVersion())
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	wantKind(t, m.EnsureInstalled(ended), m.ErrCancelled)
}

func TestClientLog(t *testing.T) {
	var entries []m.LogEntry
	client, err := m.OpenClient(m.ClientOptions{
		Home: filepath.Join(t.TempDir(), "home"),
		Log:  func(entry m.LogEntry) { entries = append(entries, entry) },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx := m.WithClient(context.Background(), client)
	damaged := filepath.Join(client.Home(), "snapshots", "damaged")
	if err := os.MkdirAll(damaged, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(damaged, "manifest.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if list, err := m.Snapshot.ListDir(ctx, filepath.Dir(damaged)); err != nil || len(list) != 0 {
		t.Errorf("listed %v, %v", list, err)
	}
	if len(entries) != 1 || entries[0].Level != m.LogWarn || entries[0].Target == "" ||
		!strings.Contains(entries[0].Message, damaged) {
		t.Errorf("logged %+v", entries)
	}
}

func TestClientDirectories(t *testing.T) {
	dir := t.TempDir()
	client, err := m.OpenClient(m.ClientOptions{
		Home: filepath.Join(dir, "home"), CacheDir: filepath.Join(dir, "cache"),
		SnapshotsDir: filepath.Join(dir, "snapshots"), SandboxesDir: filepath.Join(dir, "sandboxes"),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx := m.WithClient(context.Background(), client)
	loadDemo(t, ctx)
	createSandbox(t, ctx, "base", m.WithImage("demo/app:1"), m.WithOCIUpperSize(72))
	createSnapshot(t, ctx, m.SnapshotCreateOptions{Name: "kept"})
	for _, path := range []string{"cache/layers", "sandboxes/base", "snapshots/kept"} {
		if _, err := os.Stat(filepath.Join(dir, path)); err != nil {
			t.Error(err)
		}
	}
}
