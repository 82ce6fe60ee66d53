package microsandbox_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	m "github.com/superradcompany/microsandbox/sdk/go"
	"github.com/superradcompany/microsandbox/sdk/go/internal/testimage"
)

// fillDisk puts noise on the disk of a sandbox, for work that takes a while.
func fillDisk(t testing.TB, path string, mib int64) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteAt(testimage.Noise(mib<<20), 8<<20); err != nil {
		t.Fatal(err)
	}
}

func TestCancelStopsSnapshotWork(t *testing.T) {
	home, client := newSandbox(t)
	fillDisk(t, upperOf(client, "base"), 56)
	createSnapshot(t, home, m.SnapshotCreateOptions{Name: "big"})
	archive := filepath.Join(t.TempDir(), "big.tar.zst")
	export := func(ctx context.Context) error {
		return m.Snapshot.Export(ctx, "big", archive, m.SnapshotExportOptions{})
	}

	for name, work := range map[string]func(ctx context.Context) error{
		"export": export,
		"export without compression": func(ctx context.Context) error {
			return m.Snapshot.Export(ctx, "big", archive, m.SnapshotExportOptions{PlainTar: true})
		},
	} {
		ctx, cancel := context.WithCancel(home)
		var cancelled time.Time
		err := work(atFirstBytes(ctx, func() { cancelled = time.Now(); cancel() }))
		took := time.Since(cancelled)
		wantKind(t, err, m.ErrCancelled)
		if limit := 50 * time.Millisecond * slowness; took > limit {
			t.Errorf("%s returned %v after it was cancelled, want at most %v", name, took, limit)
		}
		if left, err := os.ReadDir(filepath.Dir(archive)); err != nil || len(left) != 0 {
			t.Errorf("%s left %v, %v", name, left, err)
		}
	}

	if err := export(home); err != nil {
		t.Fatal(err)
	}
	other, empty := newHome(t)
	ctx, cancel := context.WithCancel(other)
	defer cancel()
	_, err := m.Snapshot.Import(atFirstBytes(ctx, cancel), archive, "")
	wantKind(t, err, m.ErrCancelled)
	if list, err := m.Snapshot.ListDir(other, filepath.Join(empty.Home(), "snapshots")); err != nil || len(list) != 0 {
		t.Errorf("the cancelled import left %v, %v", list, err)
	}
}

// Goroutines that take, verify, move and remove snapshots of one sandbox, some of them with little patience.
func TestManyGoroutinesWithSnapshots(t *testing.T) {
	home, client := newSandbox(t)
	fillDisk(t, upperOf(client, "base"), 4)
	var wait sync.WaitGroup
	for worker := 0; worker < 6; worker++ {
		wait.Add(1)
		go func(worker int) {
			defer wait.Done()
			for round := 0; round < 4; round++ {
				ctx, cancel := context.WithTimeout(home, time.Minute)
				if worker%2 == 1 {
					time.AfterFunc(time.Duration(round*worker)*time.Millisecond, cancel)
				}
				name := fmt.Sprintf("snapshot-%d-%d", worker, round)
				if err := roundTrip(ctx, name, filepath.Join(client.Home(), name+".tar")); err != nil && !m.IsKind(err, m.ErrCancelled) {
					t.Errorf("%s: %v", name, err)
				}
				cancel()
			}
		}(worker)
	}
	wait.Wait()
	list, err := m.Snapshot.ListDir(home, filepath.Join(client.Home(), "snapshots"))
	if err != nil {
		t.Fatal(err)
	}
	for _, snapshot := range list {
		if report, err := snapshot.Verify(home); err != nil || report.Upper.Kind != "verified" {
			t.Errorf("%s: %+v, %v", snapshot.Path(), report, err)
		}
	}
}

func roundTrip(ctx context.Context, name, archive string) error {
	snapshot, err := m.Snapshot.Create(ctx, "base", m.SnapshotCreateOptions{Name: name, RecordIntegrity: true})
	if err != nil {
		return err
	}
	if _, err := snapshot.Verify(ctx); err != nil {
		return err
	}
	if err := m.Snapshot.Export(ctx, name, archive, m.SnapshotExportOptions{PlainTar: true}); err != nil {
		return err
	}
	if _, err := m.Snapshot.List(ctx); err != nil {
		return err
	}
	if err := m.Snapshot.Remove(ctx, snapshot.Digest(), false); err != nil {
		return err
	}
	_, err = m.Snapshot.Import(ctx, archive, "")
	return err
}
