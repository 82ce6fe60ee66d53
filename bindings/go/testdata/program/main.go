// A program written from the documentation of the microsandbox SDK alone: it knows nothing of this module but the import
// path. A test builds it in a module of its own, where a replace line leads that path here, and runs it.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	m "github.com/superradcompany/microsandbox/sdk/go"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, os.Args[1], os.Args[2]); err != nil {
		var failure *m.Error
		if errors.As(err, &failure) {
			log.Fatalf("%s: %v", failure.Kind, err)
		}
		log.Fatal(err)
	}
}

func run(ctx context.Context, archive, work string) error {
	if err := m.EnsureInstalled(ctx, m.WithSkipDownload()); err != nil {
		return err
	}
	loaded, err := m.Image.Load(ctx, archive, "local/python:3.12")
	if err != nil {
		return err
	}
	fmt.Println("loaded", len(loaded), "references")
	for _, img := range loaded {
		if img.Reference() != "local/python:3.12" {
			if err := img.Remove(ctx, false); err != nil {
				return err
			}
		}
	}

	images, err := m.Image.List(ctx)
	if err != nil {
		return err
	}
	for _, img := range images {
		fmt.Println("image", img.Reference(), img.LayerCount())
	}
	detail, err := m.Image.Inspect(ctx, "local/python:3.12")
	if err != nil {
		return err
	}
	fmt.Println("command", detail.Config.Cmd, len(detail.Layers), "layers of", detail.Reference())

	// 1. stop the sandbox; snapshots are disk-only
	sb, err := m.CreateSandbox(ctx, "baseline",
		m.WithImage("local/python:3.12"), m.WithOCIUpperSize(72), m.WithLabels(map[string]string{"stage": "base"}))
	if err != nil {
		return err
	}
	owned, err := sb.OwnsLifecycle()
	if err != nil {
		return err
	}
	fmt.Println(sb.Name(), "runs, and ends with this program:", owned)
	running, err := m.GetSandbox(ctx, "baseline")
	if err != nil {
		return err
	}
	fmt.Println("status", running.Status())
	_, err = running.Snapshot(ctx, "too-early")
	fmt.Println("too early:", m.IsKind(err, m.ErrSnapshotSandboxRunning))
	_, err = m.StartSandbox(ctx, "baseline")
	fmt.Println("started twice:", m.IsKind(err, m.ErrSandboxStillRunning))
	fmt.Println("removed:", !m.IsKind(running.Remove(ctx), m.ErrSandboxStillRunning))
	if err := sb.Detach(ctx); err != nil {
		return err
	}
	fmt.Println("let go:", !sb.OwnsLifecycleOrFalse())
	_ = sb.Stop(ctx)
	_ = sb.Close()

	// 2. snapshot it under a bare name
	snap, err := m.Snapshot.Create(ctx, "baseline", m.SnapshotCreateOptions{
		Name:            "after-pip-install",
		Labels:          map[string]string{"stage": "post-deps"},
		RecordIntegrity: true,
	})
	if err != nil {
		return err
	}
	report, err := snap.Verify(ctx)
	if err != nil {
		return err
	}
	fmt.Println("upper", report.Upper.Kind, snap.Labels()["stage"], *snap.SourceSandbox())

	// 3. boot a fresh sandbox from the snapshot
	sb2, err := m.CreateSandbox(ctx, "worker",
		m.WithSnapshot("after-pip-install"),
	)
	if err != nil {
		return err
	}
	h, err := m.GetSandbox(ctx, "worker")
	if err != nil {
		return err
	}
	guest, err := h.Connect(ctx)
	if err != nil {
		return err
	}
	fmt.Println("connected, not owned:", !guest.OwnsLifecycleOrFalse())
	if err := guest.Close(); err != nil {
		return err
	}
	if h, err = h.Refresh(ctx); err != nil {
		return err
	}
	fmt.Println("status", h.Status())
	// An owned machine ends with its Sandbox.
	if err := sb2.Close(); err != nil {
		return err
	}
	ended, err := h.WaitUntilStopped(ctx)
	if err != nil {
		return err
	}
	fmt.Println("ended", ended.Status, *ended.ExitCode)
	fmt.Println("killed again:", h.Kill(ctx), h.Stop(ctx, m.WithStopTimeout(time.Second)))
	child, err := h.SnapshotTo(ctx, work+"/child")
	if err != nil {
		return err
	}
	fmt.Println("child of", *child.Parent() == snap.Digest())

	if err := m.Snapshot.Export(ctx, "after-pip-install", work+"/snap.tar.zst",
		m.SnapshotExportOptions{WithParents: true}); err != nil {
		return err
	}
	err = m.Snapshot.Remove(ctx, "after-pip-install", false)
	fmt.Println("parent is kept:", m.IsKind(err, m.ErrInternal))
	if err := m.Snapshot.Remove(ctx, "after-pip-install", true); err != nil {
		return err
	}
	back, err := m.Snapshot.Import(ctx, work+"/snap.tar.zst", "")
	if err != nil {
		return err
	}
	fmt.Println("imported", back.Digest() == snap.Digest(), back.CreatedAt().Before(time.Now()))

	n, err := m.Snapshot.Reindex(ctx, "")
	if err != nil {
		return err
	}
	handles, err := m.Snapshot.List(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("indexed %d of %d snapshots\n", n, len(handles))

	if err := m.Image.Remove(ctx, "local/python:3.12", false); m.IsKind(err, m.ErrImageInUse) {
		fmt.Println("image is in use")
	}
	_, err = m.Image.Get(ctx, "old:tag")
	if m.IsKind(err, m.ErrImageNotFound) {
		fmt.Println(m.ErrImageNotFound)
	}
	for _, h := range handles {
		if err := h.Remove(ctx, true); err != nil {
			return err
		}
	}
	sandboxes, err := m.ListSandboxes(ctx)
	if err != nil {
		return err
	}
	for _, sandbox := range sandboxes {
		fmt.Println("sandbox", sandbox.Name(), sandbox.Status() == m.SandboxStatusStopped)
		if err := sandbox.Remove(ctx); err != nil {
			return err
		}
	}
	pruned, err := m.Image.Prune(ctx)
	if err != nil {
		return err
	}
	fmt.Println(pruned.LayersRemoved, "layers removed")
	return nil
}
