package microsandbox_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	m "github.com/superradcompany/microsandbox/sdk/go"
)

func createSnapshot(t testing.TB, ctx context.Context, opts m.SnapshotCreateOptions) *m.SnapshotArtifact {
	t.Helper()
	snapshot, err := m.Snapshot.Create(ctx, "base", opts)
	if err != nil {
		t.Fatal(err)
	}
	return snapshot
}

func scribble(t testing.TB, path string, at int64) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteAt([]byte("scribble"), at); err != nil {
		t.Fatal(err)
	}
}

func TestSnapshotCreate(t *testing.T) {
	ctx, client := newSandbox(t)
	labels := map[string]string{"stage": "post-deps", "größe": "", "z": "1"}
	snapshot := createSnapshot(t, ctx, m.SnapshotCreateOptions{Name: "after-pip", Labels: labels, RecordIntegrity: true})
	if want := filepath.Join(client.Home(), "snapshots", "after-pip"); snapshot.Path() != want {
		t.Errorf("path is %s, want %s", snapshot.Path(), want)
	}
	if len(snapshot.Digest()) != 71 || len(snapshot.ImageManifestDigest()) != 71 || snapshot.ImageRef() != "demo/app:1" {
		t.Errorf("digests %q, %q of %q", snapshot.Digest(), snapshot.ImageManifestDigest(), snapshot.ImageRef())
	}
	if snapshot.SizeBytes() != 72<<20 || snapshot.Format() != "raw" || snapshot.Fstype() != "ext4" {
		t.Errorf("disk: %d bytes, %s, %s", snapshot.SizeBytes(), snapshot.Format(), snapshot.Fstype())
	}
	if source := snapshot.SourceSandbox(); snapshot.Parent() != nil || source == nil || *source != "base" {
		t.Errorf("parent %v, source %v", snapshot.Parent(), source)
	} else if *source = "changed"; *snapshot.SourceSandbox() != "base" {
		t.Error("SourceSandbox hands out what is inside")
	}
	if at, err := time.Parse(time.RFC3339Nano, snapshot.CreatedAt()); err != nil || time.Since(at) > time.Minute {
		t.Errorf("created at %q, %v", snapshot.CreatedAt(), err)
	}
	got := snapshot.Labels()
	if !reflect.DeepEqual(got, labels) {
		t.Errorf("labels are %v", got)
	}
	if got["z"] = "changed"; snapshot.Labels()["z"] != "1" {
		t.Error("Labels hands out what is inside")
	}

	report, err := snapshot.Verify(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if report.Digest != snapshot.Digest() || report.Path != snapshot.Path() || report.Upper.Kind != "verified" ||
		report.Upper.Algorithm == "" || report.Upper.Digest == "" {
		t.Errorf("report %+v", report)
	}
	scribble(t, filepath.Join(snapshot.Path(), "upper.ext4"), 30<<20)
	_, err = snapshot.Verify(ctx)
	wantKind(t, err, m.ErrSnapshotIntegrity)
}

func TestSnapshotCreateFails(t *testing.T) {
	ctx, client := newSandbox(t)
	createSnapshot(t, ctx, m.SnapshotCreateOptions{Name: "there"})
	for name, c := range map[string]struct {
		source string
		opts   m.SnapshotCreateOptions
		kind   m.ErrorKind
	}{
		"neither":      {"base", m.SnapshotCreateOptions{}, m.ErrInvalidArgument},
		"both":         {"base", m.SnapshotCreateOptions{Name: "a", Path: "/b"}, m.ErrInvalidArgument},
		"no sandbox":   {"none", m.SnapshotCreateOptions{Name: "a"}, m.ErrSandboxNotFound},
		"exists":       {"base", m.SnapshotCreateOptions{Name: "there"}, m.ErrSnapshotAlreadyExists},
		"name":         {"base", m.SnapshotCreateOptions{Name: ".hidden"}, m.ErrInvalidConfig},
		"slash":        {"base", m.SnapshotCreateOptions{Name: "a/b"}, m.ErrInvalidConfig},
		"NUL":          {"base", m.SnapshotCreateOptions{Name: "a\x00b"}, m.ErrInvalidArgument},
		"NUL in label": {"base", m.SnapshotCreateOptions{Name: "a", Labels: map[string]string{"k": "\x00"}}, m.ErrInvalidArgument},
	} {
		if _, err := m.Snapshot.Create(ctx, c.source, c.opts); !m.IsKind(err, c.kind) {
			t.Errorf("%s: got %v, want kind %v", name, err, c.kind)
		}
	}
	createSnapshot(t, ctx, m.SnapshotCreateOptions{Name: "there", Force: true, Labels: map[string]string{"new": "yes"}})
	if snapshot, err := m.Snapshot.Open(ctx, "there"); err != nil || snapshot.Labels()["new"] != "yes" {
		t.Errorf("not replaced: %v", err)
	}
	entries, err := os.ReadDir(filepath.Join(client.Home(), "snapshots"))
	if err != nil || len(entries) != 1 {
		t.Errorf("left in the snapshots directory: %v, %v", entries, err)
	}
}

func TestSnapshotOfHandle(t *testing.T) {
	ctx, _ := newSandbox(t)
	handle, err := m.GetSandbox(ctx, "base")
	if err != nil {
		t.Fatal(err)
	}
	named, err := handle.Snapshot(ctx, "named")
	if err != nil || filepath.Base(named.Path()) != "named" {
		t.Fatalf("got %v, %v", named, err)
	}
	dir := filepath.Join(t.TempDir(), "mit Leerzeichen", "ß")
	placed, err := handle.SnapshotTo(ctx, dir)
	if err != nil || placed.Path() != dir {
		t.Fatalf("got %v, %v", placed, err)
	}
	_, err = handle.Snapshot(ctx, "named")
	wantKind(t, err, m.ErrSnapshotAlreadyExists)
	report, err := placed.Verify(ctx)
	if err != nil || report.Upper != (m.SnapshotUpperVerifyStatus{Kind: "not_recorded"}) {
		t.Errorf("report %+v, %v", report, err)
	}
}

func TestSnapshotGetListRemove(t *testing.T) {
	ctx, _ := newSandbox(t)
	if list, err := m.Snapshot.List(ctx); err != nil || list == nil || len(list) != 0 {
		t.Errorf("empty: %v, %v", list, err)
	}
	first := createSnapshot(t, ctx, m.SnapshotCreateOptions{Name: "first"})
	second := createSnapshot(t, ctx, m.SnapshotCreateOptions{Name: "second"})
	list, err := m.Snapshot.List(ctx)
	if err != nil || len(list) != 2 || list[0].Digest() != second.Digest() || list[1].Digest() != first.Digest() {
		t.Fatalf("listed %v, %v; want the newest first", list, err)
	}
	for _, ref := range []string{"first", first.Digest(), first.Path()} {
		handle, err := m.Snapshot.Get(ctx, ref)
		if err != nil {
			t.Fatal(err)
		}
		if name := handle.Name(); name == nil || *name != "first" || handle.Digest() != first.Digest() ||
			handle.Path() != first.Path() || handle.ParentDigest() != nil || handle.ImageRef() != "demo/app:1" ||
			handle.Format() != "raw" || handle.SizeBytes() == nil || *handle.SizeBytes() != 72<<20 {
			t.Errorf("%s: %+v", ref, handle)
		}
		if at := handle.CreatedAt(); time.Since(at) > time.Minute || at.Nanosecond() != 0 {
			t.Errorf("created at %v", at)
		}
		if opened, err := handle.Open(ctx); err != nil || opened.Digest() != first.Digest() {
			t.Errorf("opened %v, %v", opened, err)
		}
	}
	if err := list[1].Remove(ctx, false); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(first.Path()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory is still there: %v", err)
	}
	wantKind(t, m.Snapshot.Remove(ctx, "first", false), m.ErrSnapshotNotFound)
	_, err = m.Snapshot.Get(ctx, "first")
	wantKind(t, err, m.ErrSnapshotNotFound)
	if err := m.Snapshot.Remove(ctx, second.Path(), true); err != nil {
		t.Error(err)
	}
}

func TestSnapshotOpenFails(t *testing.T) {
	ctx, _ := newSandbox(t)
	_, err := m.Snapshot.Open(ctx, "")
	wantKind(t, err, m.ErrInvalidConfig)
	_, err = m.Snapshot.Open(ctx, "none")
	wantKind(t, err, m.ErrSnapshotNotFound)
	snapshot := createSnapshot(t, ctx, m.SnapshotCreateOptions{Name: "cut"})
	if err := os.Truncate(filepath.Join(snapshot.Path(), "upper.ext4"), 4096); err != nil {
		t.Fatal(err)
	}
	_, err = m.Snapshot.Open(ctx, "cut")
	wantKind(t, err, m.ErrSnapshotIntegrity)
	_, err = (&m.SnapshotArtifact{}).Verify(ctx)
	wantKind(t, err, m.ErrInvalidConfig)
}

func TestZeroValues(t *testing.T) {
	var snapshot m.SnapshotArtifact
	var handle m.SnapshotHandle
	var image m.ImageHandle
	if snapshot.Labels() != nil || snapshot.Parent() != nil || snapshot.Path() != "" || handle.Name() != nil ||
		handle.SizeBytes() != nil || !handle.CreatedAt().IsZero() || image.SizeBytes() != nil || !image.CreatedAt().IsZero() {
		t.Error("accessors of zero values return something")
	}
}

func TestSnapshotListDir(t *testing.T) {
	ctx, _ := newSandbox(t)
	dir := t.TempDir()
	for _, name := range []string{"b", "a"} {
		createSnapshot(t, ctx, m.SnapshotCreateOptions{Path: filepath.Join(dir, name)})
	}
	if err := os.Mkdir(filepath.Join(dir, "other"), 0o700); err != nil {
		t.Fatal(err)
	}
	list, err := m.Snapshot.ListDir(ctx, dir)
	if err != nil || len(list) != 2 || filepath.Base(list[0].Path()) != "a" || filepath.Base(list[1].Path()) != "b" {
		t.Errorf("listed %v, %v", list, err)
	}
	for _, none := range []string{"", filepath.Join(dir, "none")} {
		if list, err := m.Snapshot.ListDir(ctx, none); err != nil || list == nil || len(list) != 0 {
			t.Errorf("%q: listed %v, %v", none, list, err)
		}
	}
}

func TestSnapshotReindex(t *testing.T) {
	ctx, _ := newSandbox(t)
	dir := t.TempDir()
	createSnapshot(t, ctx, m.SnapshotCreateOptions{Path: filepath.Join(dir, "one")})
	createSnapshot(t, ctx, m.SnapshotCreateOptions{Name: "two"})
	other, _ := newHome(t)
	if indexed, err := m.Snapshot.Reindex(other, dir); err != nil || indexed != 1 {
		t.Errorf("indexed %d, %v", indexed, err)
	}
	if _, err := m.Snapshot.Get(other, "one"); err != nil {
		t.Error(err)
	}
	if indexed, err := m.Snapshot.Reindex(ctx, ""); err != nil || indexed != 1 {
		t.Errorf("default directory: indexed %d, %v", indexed, err)
	}
}

func TestForkAndParents(t *testing.T) {
	ctx, client := newSandbox(t)
	scribble(t, upperOf(client, "base"), 40<<20)
	parent := createSnapshot(t, ctx, m.SnapshotCreateOptions{Name: "parent", RecordIntegrity: true})
	createSandbox(t, ctx, "worker", m.WithSnapshot("parent"))
	child, err := m.Snapshot.Create(ctx, "worker", m.SnapshotCreateOptions{Name: "child"})
	if err != nil {
		t.Fatal(err)
	}
	if child.Parent() == nil || *child.Parent() != parent.Digest() {
		t.Errorf("parent is %v, want %s", child.Parent(), parent.Digest())
	}
	err = m.Snapshot.Remove(ctx, "parent", false)
	wantKind(t, err, m.ErrSnapshotHasChildren)
	if !errors.Is(err, m.ErrInternal) || !m.IsKind(err, m.ErrInternal) || m.IsKind(err, m.ErrSnapshotArchive) {
		t.Errorf("%v is not told apart, or not known by its older name", err)
	}
	var failure *m.Error
	if errors.As(err, &failure); failure.Code() != "snapshot_has_children" {
		t.Errorf("code is %q", failure.Code())
	}

	archive := filepath.Join(t.TempDir(), "chain.tar.zst")
	if err := m.Snapshot.Export(ctx, "child", archive, m.SnapshotExportOptions{WithParents: true, WithImage: true}); err != nil {
		t.Fatal(err)
	}
	other, _ := newHome(t)
	head, err := m.Snapshot.Import(other, archive, "")
	if err != nil {
		t.Fatal(err)
	}
	if head.Digest() != child.Digest() || head.ParentDigest() == nil || *head.ParentDigest() != parent.Digest() {
		t.Errorf("imported %s with parent %v", head.Digest(), head.ParentDigest())
	}
	createSandbox(t, other, "elsewhere", m.WithFromSnapshot(head.Digest()))
}

func TestSnapshotExportImport(t *testing.T) {
	ctx, _ := newSandbox(t)
	snapshot := createSnapshot(t, ctx, m.SnapshotCreateOptions{Name: "portable", Labels: map[string]string{"k": "v"}})
	dir := t.TempDir()
	for name, export := range map[string]func(out string) error{
		"zst": func(out string) error { return m.Snapshot.Export(ctx, "portable", out, m.SnapshotExportOptions{}) },
		"tar": func(out string) error {
			return m.Snapshot.Export(ctx, "portable", out, m.SnapshotExportOptions{PlainTar: true})
		},
		"later": func(out string) error { return m.Snapshot.Save(ctx, snapshot.Digest(), out, m.SnapshotSaveOptions{}) },
	} {
		out := filepath.Join(dir, "new", name)
		if err := export(out); err != nil {
			t.Fatal(err)
		}
		other, _ := newHome(t)
		dest := filepath.Join(dir, "dest-"+name)
		imported, err := m.Snapshot.Load(other, out, dest)
		if err != nil {
			t.Fatal(err)
		}
		if imported.Digest() != snapshot.Digest() || filepath.Dir(imported.Path()) != dest {
			t.Errorf("%s: imported %s to %s", name, imported.Digest(), imported.Path())
		}
		opened, err := imported.Open(other)
		if err != nil || opened.Labels()["k"] != "v" {
			t.Fatalf("%s: opened %v, %v", name, opened, err)
		}
		if report, err := opened.Verify(other); err != nil || report.Upper.Kind != "verified" {
			t.Errorf("%s: the digest that traveled is not verified: %+v, %v", name, report, err)
		}
	}
	wantKind(t, m.Snapshot.Export(ctx, "none", filepath.Join(dir, "none"), m.SnapshotExportOptions{}), m.ErrSnapshotNotFound)
	_, err := m.Snapshot.Import(ctx, filepath.Join(dir, "none"), "")
	wantKind(t, err, m.ErrIO)
	if err := os.WriteFile(filepath.Join(dir, "text"), []byte(strings.Repeat("text ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = m.Snapshot.Import(ctx, filepath.Join(dir, "text"), "")
	wantKind(t, err, m.ErrInternal)
}

func TestSnapshotConvert(t *testing.T) {
	home, _ := newSandbox(t)
	made := createSnapshot(t, home, m.SnapshotCreateOptions{Name: "made", RecordIntegrity: true})
	converted, err := m.Snapshot.Convert(home, "made", m.SnapshotConvertOptions{Name: "new", Form: m.GenerationDescriptor})
	if err != nil {
		t.Fatal(err)
	}
	if converted.Digest() == made.Digest() || converted.ImageManifestDigest() != made.ImageManifestDigest() {
		t.Errorf("%s became %s", made.Digest(), converted.Digest())
	}
	_, err = m.Snapshot.Convert(home, "made", m.SnapshotConvertOptions{Name: "x", Form: m.GenerationGroups})
	wantKind(t, err, m.ErrInvalidArgument)

	ctx, cancel := context.WithCancel(home)
	cancel()
	_, err = m.Snapshot.Convert(ctx, "new", m.SnapshotConvertOptions{Name: "x", Form: m.GenerationManifest})
	wantKind(t, err, m.ErrCancelled)
	_, err = m.Snapshot.Convert(home, "new", m.SnapshotConvertOptions{Name: "x\x00", Form: m.GenerationManifest})
	wantKind(t, err, m.ErrInvalidArgument)
}

func TestSnapshotProgressAndCancel(t *testing.T) {
	home, _ := newSandbox(t)
	var phases []m.ProgressPhase
	ctx := m.WithProgress(home, func(p m.Progress) {
		if n := len(phases); n == 0 || phases[n-1] != p.Phase {
			phases = append(phases, p.Phase)
		}
	})
	createSnapshot(t, ctx, m.SnapshotCreateOptions{Name: "watched", RecordIntegrity: true})
	if len(phases) == 0 || phases[len(phases)-1] != m.PhaseComplete {
		t.Errorf("phases %v", phases)
	}
	cancelled, cancel := context.WithCancel(home)
	cancel()
	_, err := m.Snapshot.Create(cancelled, "base", m.SnapshotCreateOptions{Name: "never"})
	wantKind(t, err, m.ErrCancelled)
	_, err = m.Snapshot.Open(home, "never")
	wantKind(t, err, m.ErrSnapshotNotFound)
}
