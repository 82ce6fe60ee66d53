package microsandbox_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	m "github.com/superradcompany/microsandbox/sdk/go"
)

func TestPull(t *testing.T) {
	servers := newLab(t)
	for name, test := range map[string]func(*testing.T, lab){
		"progress": pullsWithProgress, "policies": pullsByPolicy, "platform": pullsForPlatform, "trust": pullsFromTrusted,
		"credentials": pullsWithCredentials, "cancel": stopsPulling, "fall back": fallsBack, "sandbox": pullsForSandbox,
		"fork": pullsForFork,
	} {
		t.Run(name, func(t *testing.T) { test(t, servers) })
	}
}

func pull(t *testing.T, ctx context.Context, reference string, opts ...m.PullOption) *m.ImagePull {
	t.Helper()
	pulled, err := m.Image.Pull(ctx, reference, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return pulled
}

func pullsWithProgress(t *testing.T, servers lab) {
	ctx, _ := newHome(t)
	reference := servers.image("PLAIN", "demo:1")
	var events []m.Progress
	watched := m.WithProgress(ctx, func(p m.Progress) { events = append(events, p) })
	pulled := pull(t, watched, reference, m.WithInsecureRegistry())
	if pulled.Cached || pulled.FellBack || pulled.LayersFetched != 3 || pulled.LayersSkipped != 0 || pulled.BytesFetched < 3<<20 {
		t.Errorf("pulled %+v", pulled)
	}
	if pulled.Reference() != reference || pulled.ManifestDigest() != servers["DEMO"] || pulled.LayerCount() != 3 {
		t.Errorf("got %s at %s with %d layers", pulled.Reference(), pulled.ManifestDigest(), pulled.LayerCount())
	}
	done := map[int]uint64{}
	for _, event := range events {
		if event.TotalKnown && event.Done > event.Total {
			t.Errorf("event: %+v", event)
		}
		if event.Phase == m.PhaseDownloading && event.Count == 3 {
			done[event.Index] = event.Done
		}
	}
	if len(done) != 3 || events[len(events)-1].Phase != m.PhaseComplete {
		t.Errorf("bytes by layer %v, events %+v", done, events)
	}
}

func pullsByPolicy(t *testing.T, servers lab) {
	ctx, _ := newHome(t)
	reference, insecure := servers.image("PLAIN", "demo:1"), m.WithInsecureRegistry()
	_, err := m.Image.Pull(ctx, reference, insecure, m.WithPolicy(m.PullPolicyNever))
	wantKind(t, err, m.ErrImageNotFound)
	_, err = m.Image.Pull(ctx, reference, insecure, m.WithPolicy("often"))
	wantKind(t, err, m.ErrInvalidArgument)
	_, err = m.Image.Pull(ctx, servers.image("PLAIN", "none:1"), insecure)
	wantKind(t, err, m.ErrImageNotFound)
	_, err = m.Image.Pull(ctx, "Not A Reference")
	wantKind(t, err, m.ErrInvalidArgument)

	pull(t, ctx, reference, insecure, m.WithBlobs())
	for name, opts := range map[string][]m.PullOption{
		"nobody is asked": nil, "never": {m.WithPolicy(m.PullPolicyNever)},
		"if missing": {m.WithPolicy(m.PullPolicyIfMissing)}, "always": {insecure, m.WithPolicy(m.PullPolicyAlways)},
	} {
		if again := pull(t, ctx, reference, opts...); !again.Cached || again.LayersFetched != 0 {
			t.Errorf("%s: pulled %+v", name, again)
		}
	}
	if anew := pull(t, ctx, reference, insecure, m.WithRefetch()); anew.Cached || anew.LayersFetched != 3 {
		t.Errorf("pulled %+v", anew)
	}
	if shared := pull(t, ctx, servers.image("PLAIN", "multi:1"), insecure); shared.LayersFetched != 0 || shared.LayersSkipped != 3 {
		t.Errorf("pulled %+v", shared)
	}
}

func pullsForPlatform(t *testing.T, servers lab) {
	ctx, _ := newHome(t)
	reference, insecure := servers.image("PLAIN", "multi:1"), m.WithInsecureRegistry()
	if pulled := pull(t, ctx, reference, insecure, m.WithPlatform("linux/arm64")); pulled.Architecture() != "arm64" {
		t.Errorf("got an image for %s", pulled.Architecture())
	}
	_, err := m.Image.Pull(ctx, reference, insecure, m.WithPlatform("linux/s390x"), m.WithPolicy(m.PullPolicyAlways))
	var failure *m.Error
	if !errors.As(err, &failure) || failure.Code() != "image_invalid" {
		t.Errorf("got %v", err)
	}
}

func pullsFromTrusted(t *testing.T, servers lab) {
	ctx, _ := newHome(t)
	_, err := m.Image.Pull(ctx, servers.image("TLS", "demo:1"))
	var failure *m.Error
	if !errors.As(err, &failure) || failure.Code() != "http" || failure.Kind != m.ErrInternal {
		t.Errorf("a stranger was trusted: %v", err)
	}
	pull(t, ctx, servers.image("TLS", "demo:1"), m.WithCACerts(servers["CA"]))
	_, err = m.Image.Pull(ctx, servers.image("TLS", "multi:1"), m.WithCACerts("/no/such.pem"))
	wantKind(t, err, m.ErrInvalidConfig)
}

func pullsWithCredentials(t *testing.T, servers lab) {
	ctx, _ := newHome(t)
	reference, insecure := servers.image("BASIC", "demo:1"), m.WithInsecureRegistry()
	wrong := m.WithCredentials(m.RegistryAuth{Username: servers["USER"], Password: "not-the-word"})
	_, err := m.Image.Pull(ctx, reference, insecure, wrong)
	var failure *m.Error
	if !errors.As(err, &failure) || failure.Code() != "http" || failure.Detail("http_status") != "401" {
		t.Fatalf("got %v", err)
	}
	if strings.Contains(err.Error(), "not-the-word") {
		t.Errorf("%v has the password", err)
	}
	_, err = m.Image.Pull(ctx, reference, insecure, m.WithCredentials(m.RegistryAuth{Password: "alone"}))
	wantKind(t, err, m.ErrInvalidArgument)
	pull(t, ctx, reference, insecure, m.WithCredentials(m.RegistryAuth{Username: servers["USER"], Password: servers["PASSWORD"]}))
}

func stopsPulling(t *testing.T, servers lab) {
	wantStopped(t, func(ctx context.Context) error {
		_, err := m.Image.Pull(ctx, servers.image("PROXY", "trickle/demo:1"), m.WithInsecureRegistry())
		return err
	})
}

func fallsBack(t *testing.T, servers lab) {
	ctx, _ := newHome(t)
	const reference = "127.0.0.1:1/app:1" // nobody listens there
	if _, err := m.Image.Load(ctx, writeImage(t, demoImage), reference); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	always := m.WithPolicy(m.PullPolicyAlways)
	if pulled := pull(t, short, reference, m.WithInsecureRegistry(), always, m.WithFallBack()); !pulled.FellBack {
		t.Errorf("pulled %+v", pulled)
	}
}

// allow lets a home speak plain HTTP with a registry.
func allow(t *testing.T, client *m.Client, server string) {
	t.Helper()
	config := fmt.Sprintf(`{"registries":{"hosts":{"127.0.0.1:%s":{"insecure":true}}}}`, server)
	if err := os.WriteFile(filepath.Join(client.Home(), "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
}

func pullsForSandbox(t *testing.T, servers lab) {
	ctx, client := newHome(t)
	allow(t, client, servers["BASIC"])
	image := m.WithImage(servers.image("BASIC", "demo:1"))
	auth := m.WithRegistryAuth(m.RegistryAuth{Username: servers["USER"], Password: servers["PASSWORD"]})
	_, err := m.CreateSandbox(ctx, "base", image, auth, m.WithPullPolicy(m.PullPolicyNever), m.WithoutBoot())
	wantKind(t, err, m.ErrImageNotFound)
	_, err = m.CreateSandbox(ctx, "-base", image, auth, m.WithoutBoot())
	wantKind(t, err, m.ErrInvalidConfig)
	if images, err := m.Image.List(ctx); err != nil || len(images) != 0 {
		t.Errorf("pulled for a sandbox that cannot be: %v, %v", images, err)
	}

	var events []m.Progress
	watched := m.WithProgress(ctx, func(p m.Progress) { events = append(events, p) })
	createSandbox(t, watched, "base", image, auth, m.WithOCIUpperSize(72))
	phases := map[m.ProgressPhase]int{}
	for _, event := range events {
		phases[event.Phase]++
	}
	if phases[m.PhaseDownloading] == 0 || phases[m.PhaseComplete] != 1 || events[len(events)-1].Phase != m.PhaseComplete {
		t.Errorf("events: %v", phases)
	}
	if _, err := m.CreateSandbox(ctx, "again", image, m.WithPullPolicy(m.PullPolicyAlways), m.WithoutBoot()); err == nil {
		t.Error("the registry was not asked")
	}
	createSandbox(t, ctx, "again", image, auth, m.WithPullPolicy(m.PullPolicyAlways), m.WithOCIUpperSize(72))
	createSandbox(t, ctx, "trusting", m.WithImage(servers.image("TLS", "demo:1")), m.WithOCIUpperSize(72),
		m.WithPullOptions(m.WithCACerts(servers["CA"])), m.WithPullOptions(m.WithBlobs()))
}

// The image that a fork needs is fetched by its digest, where the snapshot came without it.
func pullsForFork(t *testing.T, servers lab) {
	ctx, client := newHome(t)
	allow(t, client, servers["PLAIN"])
	createSandbox(t, ctx, "base", m.WithImage(servers.image("PLAIN", "multi:1")), m.WithOCIUpperSize(72))
	createSnapshot(t, ctx, m.SnapshotCreateOptions{Name: "kept"})
	archive := filepath.Join(t.TempDir(), "kept.tar.zst")
	if err := m.Snapshot.Export(ctx, "kept", archive, m.SnapshotExportOptions{}); err != nil {
		t.Fatal(err)
	}

	elsewhere, other := newHome(t)
	allow(t, other, servers["PLAIN"])
	if _, err := m.Snapshot.Import(elsewhere, archive, ""); err != nil {
		t.Fatal(err)
	}
	_, err := m.CreateSandbox(elsewhere, "fork", m.WithSnapshot("kept"), m.WithPullPolicy(m.PullPolicyNever), m.WithoutBoot())
	wantKind(t, err, m.ErrSnapshotImageMissing)
	createSandbox(t, elsewhere, "fork", m.WithSnapshot("kept"))
	images, err := m.Image.List(elsewhere)
	if err != nil || len(images) != 1 || !strings.HasSuffix(images[0].Reference(), "@"+images[0].ManifestDigest()) {
		t.Errorf("the cache has %v, %v", images, err)
	}
}
