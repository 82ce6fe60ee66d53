package microsandbox_test

import (
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"testing"
	"time"

	m "github.com/superradcompany/microsandbox/sdk/go"
)

func TestImageListOfEmptyHome(t *testing.T) {
	ctx, _ := newHome(t)
	images, err := m.Image.List(ctx)
	if err != nil || images == nil || len(images) != 0 {
		t.Errorf("got %v, %v; want an empty list that is not nil", images, err)
	}
}

func TestImageLoadAndGet(t *testing.T) {
	ctx, _ := newHome(t)
	before := time.Now().Truncate(time.Second)
	loaded, err := m.Image.Load(ctx, writeImage(t, demoImage), "other/name:2")
	if err != nil {
		t.Fatal(err)
	}
	references := []string{}
	for _, image := range loaded {
		references = append(references, image.Reference())
	}
	sort.Strings(references)
	if want := []string{"demo/app:1", "other/name:2"}; !reflect.DeepEqual(references, want) {
		t.Fatalf("loaded %q, want %q", references, want)
	}

	image, err := m.Image.Get(ctx, "demo/app:1")
	if err != nil {
		t.Fatal(err)
	}
	if image.LayerCount() != 2 || image.OS() != "linux" || image.Architecture() == "" || len(image.ManifestDigest()) != 71 {
		t.Errorf("got %d layers of %s/%s, digest %q", image.LayerCount(), image.OS(), image.Architecture(), image.ManifestDigest())
	}
	if size := image.SizeBytes(); size == nil || *size <= 0 {
		t.Errorf("size is %v", size)
	} else if *size = -1; *image.SizeBytes() == -1 {
		t.Error("SizeBytes hands out what is inside of the handle")
	}
	for _, at := range []time.Time{image.CreatedAt(), image.LastUsedAt()} {
		if at.Before(before) || at.After(time.Now()) || at.Nanosecond() != 0 {
			t.Errorf("time is %v", at)
		}
	}
	images, err := m.Image.List(ctx)
	if err != nil || len(images) != 2 {
		t.Errorf("listed %d, %v", len(images), err)
	}
}

func TestImageInspect(t *testing.T) {
	ctx, _ := newHome(t)
	detail, err := loadDemo(t, ctx).Inspect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if detail.Reference() != "demo/app:1" || detail.LayerCount() != 2 {
		t.Errorf("promoted methods say %s, %d layers", detail.Reference(), detail.LayerCount())
	}
	config := *detail.Config
	if len(config.Digest) != 71 {
		t.Errorf("config digest is %q", config.Digest)
	}
	config.Digest = ""
	want := m.ImageConfig{
		Env: []string{"PATH=/bin", "GREETING=grüß dich"}, Cmd: []string{"/bin/app"}, WorkingDir: "/srv",
		User: "1000:1000", StopSignal: "SIGINT", Labels: map[string]string{"tier": "demo"},
	}
	if !reflect.DeepEqual(config, want) {
		t.Errorf("config is %+v, want %+v", config, want)
	}
	for i, layer := range detail.Layers {
		if layer.Position != int32(i) || len(layer.DiffID) != 71 || layer.BlobDigest == "" {
			t.Errorf("layer %d is %+v", i, layer)
		}
		if layer.ErofsSizeBytes == nil || *layer.ErofsSizeBytes <= 0 || layer.CompressedSizeBytes == nil {
			t.Errorf("layer %d has no sizes", i)
		}
	}
}

func TestImageConfigKeepsAbsentAndEmptyApart(t *testing.T) {
	ctx, _ := newHome(t)
	image := demoImage
	image.Config = map[string]interface{}{"Entrypoint": []string{}}
	if _, err := m.Image.Load(ctx, writeImage(t, image)); err != nil {
		t.Fatal(err)
	}
	detail, err := m.Image.Inspect(ctx, "demo/app:1")
	if err != nil {
		t.Fatal(err)
	}
	config := detail.Config
	if config.Env == nil || len(config.Env) != 0 || config.Cmd != nil || config.Labels != nil {
		t.Errorf("absent: Env %#v, Cmd %#v, Labels %#v", config.Env, config.Cmd, config.Labels)
	}
	if config.Entrypoint == nil || len(config.Entrypoint) != 0 {
		t.Errorf("explicitly empty: Entrypoint %#v", config.Entrypoint)
	}
}

func TestImageSave(t *testing.T) {
	ctx, _ := newHome(t)
	image := loadDemo(t, ctx)
	for _, format := range []m.ImageArchiveFormat{"", m.ImageArchiveDocker, m.ImageArchiveOCI} {
		out := filepath.Join(t.TempDir(), "saved.tar")
		if err := m.Image.Save(ctx, []string{image.Reference()}, out, format); err != nil {
			t.Fatal(err)
		}
		other, _ := newHome(t)
		again, err := m.Image.Load(other, out)
		if err != nil {
			t.Fatal(err)
		}
		if again[0].Reference() != image.Reference() || again[0].LayerCount() != image.LayerCount() {
			t.Errorf("format %q came back as %s", format, again[0].Reference())
		}
	}
	out := filepath.Join(t.TempDir(), "none.tar")
	wantKind(t, m.Image.Save(ctx, []string{"no/such:1"}, out, ""), m.ErrImageNotFound)
	wantKind(t, m.Image.Save(ctx, []string{image.Reference()}, out, "zip"), m.ErrInvalidArgument)
	wantKind(t, m.Image.Save(ctx, nil, out, ""), m.ErrInvalidArgument)
	if _, err := os.Stat(out); err == nil {
		t.Error("a save that failed left a file")
	}
}

func TestImageRemove(t *testing.T) {
	ctx, _ := newHome(t)
	image := loadDemo(t, ctx)
	if err := image.Remove(ctx, false); err != nil {
		t.Fatal(err)
	}
	wantKind(t, image.Remove(ctx, false), m.ErrImageNotFound)
	_, err := image.Inspect(ctx)
	wantKind(t, err, m.ErrImageNotFound)
}

func TestImagePrune(t *testing.T) {
	ctx, _ := newHome(t)
	report, err := m.Image.Prune(ctx)
	if err != nil || !reflect.DeepEqual(*report, m.ImagePruneReport{}) {
		t.Errorf("pruning nothing: %+v, %v", report, err)
	}
	loadDemo(t, ctx)
	report, err = m.Image.Prune(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if report.ImageRefsRemoved != 1 || report.ManifestsRemoved != 1 || report.LayersRemoved != 2 ||
		report.FsmetaRemoved != 1 || report.VMDKRemoved != 1 {
		t.Errorf("pruned %+v", report)
	}
	if report.BytesReclaimed == nil || *report.BytesReclaimed == 0 {
		t.Errorf("reclaimed %v bytes", report.BytesReclaimed)
	}
}

func TestImageCollect(t *testing.T) {
	ctx, _ := newHome(t)
	loadDemo(t, ctx)
	for _, collect := range []func() (uint32, error){
		func() (uint32, error) { return m.Image.GCLayers(ctx) },
		func() (uint32, error) { return m.Image.GC(ctx) },
	} {
		if removed, err := collect(); removed != 0 || err != nil {
			t.Errorf("collected %d of an image that is referred to, %v", removed, err)
		}
	}
}
