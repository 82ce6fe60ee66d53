package microsandbox_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	m "github.com/superradcompany/microsandbox/sdk/go"
)

const listed = 10_000

// manySnapshots is a home whose index has 10,000 snapshots: one that was made, and descriptors that differ from it.
func manySnapshots(b *testing.B) context.Context {
	ctx, client := newSandbox(b)
	snapshot := createSnapshot(b, ctx, m.SnapshotCreateOptions{Name: "first"})
	descriptor, err := os.ReadFile(filepath.Join(snapshot.Path(), "manifest.json"))
	if err != nil {
		b.Fatal(err)
	}
	var document map[string]interface{}
	if err := json.Unmarshal(descriptor, &document); err != nil {
		b.Fatal(err)
	}
	for i := 1; i < listed; i++ {
		dir := filepath.Join(client.Home(), "snapshots", fmt.Sprintf("snapshot-%05d", i))
		document["labels"] = map[string]string{"number": fmt.Sprint(i)}
		text, err := json.Marshal(document)
		if err != nil {
			b.Fatal(err)
		}
		upper := filepath.Join(dir, "upper.ext4")
		for _, err := range []error{
			os.Mkdir(dir, 0o700),
			os.WriteFile(filepath.Join(dir, "manifest.json"), text, 0o600),
			os.WriteFile(upper, nil, 0o600),
			os.Truncate(upper, int64(snapshot.SizeBytes())),
		} {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	if indexed, err := m.Snapshot.Reindex(ctx, ""); err != nil || indexed != listed {
		b.Fatalf("indexed %d, %v", indexed, err)
	}
	return ctx
}

func BenchmarkSnapshotList10000(b *testing.B) {
	ctx := manySnapshots(b)
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		if handles, err := m.Snapshot.List(ctx); err != nil || len(handles) != listed {
			b.Fatalf("listed %d, %v", len(handles), err)
		}
	}
}

func BenchmarkSnapshotGet(b *testing.B) {
	ctx, _ := newSandbox(b)
	createSnapshot(b, ctx, m.SnapshotCreateOptions{Name: "one"})
	cancellable, cancel := context.WithCancel(ctx)
	defer cancel()
	for name, ctx := range map[string]context.Context{"background": ctx, "cancellable": cancellable} {
		b.Run(name, func(b *testing.B) {
			for i := 0; i < b.N; i++ {
				if _, err := m.Snapshot.Get(ctx, "one"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkImageInspect(b *testing.B) {
	ctx, _ := newHome(b)
	loadDemo(b, ctx)
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		if _, err := m.Image.Inspect(ctx, "demo/app:1"); err != nil {
			b.Fatal(err)
		}
	}
}
