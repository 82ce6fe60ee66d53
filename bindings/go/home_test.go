package microsandbox_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	m "github.com/superradcompany/microsandbox/sdk/go"
)

func TestHomeClose(t *testing.T) {
	ctx, home := newHome(t)
	image := loadDemo(t, ctx)
	if dir := home.Dir(); !filepath.IsAbs(dir) {
		t.Errorf("directory is %q", dir)
	}
	if err := home.Close(); err != nil {
		t.Fatal(err)
	}
	wantKind(t, home.Close(), m.ErrInvalidHandle)
	_, err := m.Image.List(ctx)
	wantKind(t, err, m.ErrInvalidHandle)
	wantKind(t, image.Remove(ctx, false), m.ErrInvalidHandle)
	if image.Reference() == "" || home.Dir() != "" {
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

func TestForgottenHomeIsClosed(t *testing.T) {
	before := m.LiveHandles()
	for i := 0; i < 8; i++ {
		if _, err := m.OpenHome(m.HomeOptions{Dir: filepath.Join(t.TempDir(), "home")}); err != nil {
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
	if _, err := m.Image.Get(m.WithHome(ctx, nil), "demo/app:1"); err != nil {
		t.Error(err)
	}
}

func TestHomeReadOnly(t *testing.T) {
	ctx, home := newHome(t)
	loadDemo(t, ctx)
	reader, err := m.OpenHome(m.HomeOptions{Dir: home.Dir(), ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	ctx = m.WithHome(context.Background(), reader)
	if images, err := m.Image.List(ctx); err != nil || len(images) != 1 {
		t.Errorf("listed %d, %v", len(images), err)
	}
	wantKind(t, m.Image.Remove(ctx, "demo/app:1", false), m.ErrUnsupportedOperation)
}

func TestHomeNoCreate(t *testing.T) {
	_, err := m.OpenHome(m.HomeOptions{Dir: filepath.Join(t.TempDir(), "none"), NoCreate: true})
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
