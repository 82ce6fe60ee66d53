package microsandbox_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	m "github.com/superradcompany/microsandbox/sdk/go"
)

func inspect(t *testing.T, ctx context.Context, options m.ClientOptions) *m.HomeReport {
	t.Helper()
	report, err := m.Home.Inspect(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestHomeInspect(t *testing.T) {
	ctx, client := newSandbox(t)
	t.Setenv("MSB_HOME", client.Home())
	elsewhere, _ := newHome(t)
	report := inspect(t, elsewhere, m.ClientOptions{}) // the default home, not that of the context
	if report.Home != client.Home() || report.State != m.HomeReady || report.Generation != m.GenerationManifest ||
		report.Writes != m.WritesEverything || report.Sandboxes != 1 || report.Problems == nil {
		t.Errorf("report %+v", report)
	}
	createSnapshot(t, ctx, m.SnapshotCreateOptions{Name: "gone"})
	if err := os.RemoveAll(filepath.Join(client.Home(), "snapshots", "gone")); err != nil {
		t.Fatal(err)
	}
	report = inspect(t, ctx, m.ClientOptions{Home: client.Home()})
	if len(report.Problems) != 1 || report.Problems[0].Kind != m.ProblemIndexStale || report.Problems[0].Message == "" {
		t.Errorf("problems %+v", report.Problems)
	}

	ctx, cancel := context.WithCancel(ctx)
	cancel()
	_, err := m.Home.Inspect(ctx, m.ClientOptions{})
	wantKind(t, err, m.ErrCancelled)
	_, err = m.Home.Inspect(elsewhere, m.ClientOptions{Home: "a\x00b"})
	wantKind(t, err, m.ErrInvalidArgument)
}

func TestNewHomeRelease(t *testing.T) {
	_, client := newHomeOf(t, "0.6.8")
	for _, release := range []string{"0.6.18", ""} { // what is there stays as it is
		again, err := m.OpenClient(m.ClientOptions{Home: client.Home(), NewHomeRelease: release})
		if err != nil {
			t.Fatal(err)
		}
		again.Close()
	}
	report := inspect(t, context.Background(), m.ClientOptions{Home: client.Home()})
	if report.Generation != m.GenerationDescriptor || report.NewestRelease != "0.6.8" {
		t.Errorf("report %+v", report)
	}
	none := m.ClientOptions{Home: filepath.Join(t.TempDir(), "none"), NewHomeRelease: "latest"}
	_, err := m.OpenClient(none)
	wantKind(t, err, m.ErrInvalidArgument)
	if _, err := os.Stat(none.Home); !os.IsNotExist(err) {
		t.Errorf("left by the refusal: %v", err)
	}
}

func TestWordsOfHomes(t *testing.T) {
	for got, want := range map[interface{ String() string }]string{
		m.HomeMissing: "missing", m.HomeUnreadable: "unreadable", m.HomeState(0): "unknown", m.HomeState(99): "unknown",
		m.GenerationNone: "none", m.GenerationUnknown: "unknown", m.Generation(99): "unknown", m.WritesNothing: "nothing",
		m.HomeWrites(99): "unknown", m.ProblemLayerCorrupt: "layer_corrupt", m.ProblemStatusStale: "status_stale",
		m.ProblemKind(0): "other", m.ProblemKind(99): "other",
	} {
		if got.String() != want {
			t.Errorf("%T %v is not %q", got, got, want)
		}
	}
}
