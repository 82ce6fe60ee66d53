package microsandbox_test

import (
	"context"
	"testing"
	"time"

	m "github.com/superradcompany/microsandbox/sdk/go"
)

func TestAPathIsNoImage(t *testing.T) {
	ctx, _ := newHome(t)
	for _, path := range []string{"/srv", "./root", "../root", "~/root", "disk.qcow2", "/srv/disk.raw"} {
		_, err := m.CreateSandbox(ctx, "x", m.WithImage(path), m.WithoutBoot())
		wantKind(t, err, m.ErrUnsupportedOperation)
	}
}

// A nil context is refused by every function, whatever it does first.
func TestNilContextIsAnError(t *testing.T) {
	ctx, _ := newSandbox(t)
	handle, err := m.GetSandbox(ctx, "base")
	if err != nil {
		t.Fatal(err)
	}
	snapshot := createSnapshot(t, ctx, m.SnapshotCreateOptions{Name: "one"})
	var none context.Context
	for name, call := range map[string]func() error{
		"Image.List": func() error { _, err := m.Image.List(none); return err },
		"Image.Pull": func() error { _, err := m.Image.Pull(none, "a"); return err },
		"Snapshot.Create": func() error {
			_, err := m.Snapshot.Create(none, "base", m.SnapshotCreateOptions{Name: "x"})
			return err
		},
		"Snapshot.Remove":    func() error { return m.Snapshot.Remove(none, "one", true) },
		"Verify":             func() error { _, err := snapshot.Verify(none); return err },
		"Home.Inspect":       func() error { _, err := m.Home.Inspect(none, m.ClientOptions{}); return err },
		"CreateSandbox":      func() error { _, err := m.CreateSandbox(none, "x", m.WithImage("a")); return err },
		"RunSandbox":         func() error { _, err := m.RunSandbox(none, "base", m.RunOptions{}, "x"); return err },
		"StartSandbox":       func() error { _, err := m.StartSandbox(none, "base"); return err },
		"GetSandbox":         func() error { _, err := m.GetSandbox(none, "base"); return err },
		"Start":              func() error { _, err := handle.Start(none); return err },
		"Stop":               func() error { return handle.Stop(none) },
		"Kill":               func() error { return handle.Kill(none) },
		"WaitUntilStopped":   func() error { _, err := handle.WaitUntilStopped(none); return err },
		"Refresh":            func() error { _, err := handle.Refresh(none); return err },
		"Logs":               func() error { _, err := handle.Logs(none, m.LogOptions{}); return err },
		"EnsureInstalled":    func() error { return m.EnsureInstalled(none) },
		"with a client":      func() error { _, err := m.Image.List(m.WithClient(none, nil)); return err },
		"with progress":      func() error { _, err := m.Image.List(m.WithProgress(none, func(m.Progress) {})); return err },
		"with a short limit": func() error { return handle.Kill(none, m.WithKillTimeout(time.Second)) },
	} {
		t.Run(name, func(t *testing.T) { wantKind(t, call(), m.ErrInvalidArgument) })
	}
}
