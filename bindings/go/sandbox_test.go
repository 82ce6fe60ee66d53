package microsandbox_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"testing"
	"time"

	m "github.com/superradcompany/microsandbox/sdk/go"
)

// newSandbox is a home with the demo image and a stopped sandbox "base" with a disk of 72 MiB.
func newSandbox(t testing.TB) (context.Context, *m.Client) {
	t.Helper()
	ctx, client := newHome(t)
	loadDemo(t, ctx)
	createSandbox(t, ctx, "base", m.WithImage("demo/app:1"), m.WithOCIUpperSize(72))
	return ctx, client
}

// createSandbox makes record and disk.
func createSandbox(t testing.TB, ctx context.Context, name string, opts ...m.SandboxOption) {
	t.Helper()
	sandbox, err := m.CreateSandbox(ctx, name, append(opts, m.WithoutBoot())...)
	if err != nil {
		t.Fatal(err)
	}
	if err := sandbox.Close(); err != nil {
		t.Fatal(err)
	}
}

func upperOf(client *m.Client, sandbox string) string {
	return filepath.Join(client.Home(), "sandboxes", sandbox, "upper.ext4")
}

func TestSandboxCreate(t *testing.T) {
	ctx, client := newHome(t)
	loadDemo(t, ctx)
	before := time.Now().Add(-time.Second)
	sandbox, err := m.CreateSandbox(ctx, "worker", m.WithImage("demo/app:1"), m.WithOCIUpperSize(80),
		m.WithLabel("stage", "build"), m.WithLabels(map[string]string{"team": "grün", "stage": "test"}),
		m.WithMemory(1024), m.WithCPUs(2), m.WithEnv(map[string]string{"A": "1", "B": ""}), m.WithWorkdir("/work"),
		m.WithHostname("box"), m.WithUser("nobody"), m.WithShell("/bin/ash"), m.WithEntrypoint("/init", "--now"),
		m.WithEphemeral(true), m.WithPullPolicy(m.PullPolicyNever), m.WithMaxDuration(90*time.Second),
		m.WithIdleTimeout(1500*time.Millisecond), m.WithRegistryAuth(m.RegistryAuth{Username: "u", Password: "secret"}),
		m.WithoutBoot())
	if err != nil {
		t.Fatal(err)
	}
	if sandbox.Name() != "worker" || sandbox.OwnsLifecycleOrFalse() {
		t.Errorf("got %s, owned %v", sandbox.Name(), sandbox.OwnsLifecycleOrFalse())
	}
	if info, err := os.Stat(upperOf(client, "worker")); err != nil || info.Size() != 80<<20 {
		t.Errorf("disk: %v, %v", info, err)
	}

	handle, err := m.GetSandbox(ctx, "worker")
	if err != nil {
		t.Fatal(err)
	}
	if handle.Name() != "worker" || handle.Status() != m.SandboxStatusStopped {
		t.Errorf("got %s, %s", handle.Name(), handle.Status())
	}
	for _, at := range []time.Time{handle.CreatedAt(), handle.UpdatedAt()} {
		if at.Before(before) || at.After(time.Now().Add(time.Second)) {
			t.Errorf("time is %v", at)
		}
	}
	config, err := handle.Config()
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"A": "1", "B": "", "PATH": "/bin"} { // the last is the image's
		if got, there := config.Env[key]; !there || got != want {
			t.Errorf("environment is %v", config.Env)
		}
	}
	config.Env = nil
	want := &m.SandboxConfig{
		Image: "demo/app:1", OCIUpperSizeMiB: 80, Labels: map[string]string{"stage": "test", "team": "grün"},
		CPUs: 2, MemoryMiB: 1024, Workdir: "/work", Hostname: "box", User: "nobody", Shell: "/bin/ash",
		Entrypoint: []string{"/init", "--now"}, Ephemeral: true, PullPolicy: m.PullPolicyNever,
		MaxDuration: 90 * time.Second, IdleTimeout: 2 * time.Second,
	}
	if !reflect.DeepEqual(config, want) {
		t.Errorf("stored %+v, want %+v (%s)", config, want, handle.ConfigJSON())
	}
}

func TestSandboxCreateFails(t *testing.T) {
	ctx, _ := newSandbox(t)
	image, never := m.WithImage("demo/app:1"), m.WithPullPolicy(m.PullPolicyNever)
	for name, c := range map[string]struct {
		sandbox string
		opts    []m.SandboxOption
		kind    m.ErrorKind
	}{
		"exists":              {"base", []m.SandboxOption{image}, m.ErrSandboxAlreadyExists},
		"no image":            {"new", []m.SandboxOption{m.WithImage("no/such:1"), never}, m.ErrImageNotFound},
		"no snapshot":         {"new", []m.SandboxOption{m.WithSnapshot("none")}, m.ErrSnapshotNotFound},
		"neither":             {"new", nil, m.ErrInvalidArgument},
		"both":                {"new", []m.SandboxOption{image, m.WithSnapshot("none")}, m.ErrInvalidArgument},
		"snapshot and size":   {"new", []m.SandboxOption{m.WithFromSnapshot("none"), m.WithOCIUpperSize(80)}, m.ErrInvalidArgument},
		"name":                {"-new", []m.SandboxOption{image}, m.ErrInvalidConfig},
		"NUL in a label":      {"new", []m.SandboxOption{image, m.WithLabel("a\x00", "")}, m.ErrInvalidArgument},
		"unknown pull policy": {"new", []m.SandboxOption{image, m.WithPullPolicy("often")}, m.ErrInvalidArgument},
		"image disk":          {"new", []m.SandboxOption{m.WithImageDisk("a.raw", "ext4")}, m.ErrUnsupportedOperation},
		"bind":                {"new", []m.SandboxOption{m.WithBindRootfs("/srv")}, m.ErrUnsupportedOperation},
	} {
		_, err := m.CreateSandbox(ctx, c.sandbox, c.opts...)
		if !m.IsKind(err, c.kind) {
			t.Errorf("%s: got %v, want kind %v", name, err, c.kind)
		}
	}
	_, err := m.CreateSandbox(ctx, "base", image)
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("%v does not count as fs.ErrExist", err)
	}
	createSandbox(t, ctx, "base", image, m.WithOCIUpperSize(72), m.WithReplaceWithTimeout(time.Second))
}

func TestSandboxList(t *testing.T) {
	ctx, _ := newHome(t)
	if list, err := m.ListSandboxes(ctx); err != nil || list == nil || len(list) != 0 {
		t.Errorf("empty home: %v, %v", list, err)
	}
	loadDemo(t, ctx)
	for name, tier := range map[string]string{"one": "web", "two": "db", "three": "web"} {
		createSandbox(t, ctx, name, m.WithImage("demo/app:1"), m.WithOCIUpperSize(72), m.WithLabel("tier", tier))
	}
	list, err := m.ListSandboxes(ctx)
	if err != nil || len(list) != 3 {
		t.Fatalf("listed %d, %v", len(list), err)
	}
	for i := 1; i < len(list); i++ {
		if list[i].CreatedAt().After(list[i-1].CreatedAt()) {
			t.Error("not newest first")
		}
	}
	all := m.NewSandboxFilter()
	web := all.WithLabels(map[string]string{"tier": "web"})
	for filter, want := range map[*m.SandboxFilter]int{&all: 3, &web: 2} {
		if list, err := m.ListSandboxesWith(ctx, *filter); err != nil || len(list) != want {
			t.Errorf("%v: listed %d, %v", filter, len(list), err)
		}
	}
}

func TestSandboxRemove(t *testing.T) {
	ctx, client := newSandbox(t)
	handle, err := m.GetSandbox(ctx, "base")
	if err != nil {
		t.Fatal(err)
	}
	if err := handle.Remove(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(upperOf(client, "base")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the disk is still there: %v", err)
	}
	wantKind(t, m.RemoveSandbox(ctx, "base"), m.ErrSandboxNotFound)
	_, err = handle.Refresh(ctx)
	wantKind(t, err, m.ErrSandboxNotFound)
	_, err = handle.Snapshot(ctx, "late")
	wantKind(t, err, m.ErrSandboxNotFound)
}

func TestSandboxPinsItsImage(t *testing.T) {
	ctx, _ := newSandbox(t)
	err := m.Image.Remove(ctx, "demo/app:1", false)
	wantKind(t, err, m.ErrImageInUse)
	var failure *m.Error
	if errors.As(err, &failure); failure.Detail("sandboxes") != "base" {
		t.Errorf("%v does not say who uses the image", err)
	}
}

func TestSandboxClose(t *testing.T) {
	ctx, _ := newHome(t)
	loadDemo(t, ctx)
	sandbox, err := m.CreateSandbox(ctx, "base", m.WithImage("demo/app:1"), m.WithOCIUpperSize(72), m.WithoutBoot())
	if err != nil {
		t.Fatal(err)
	}
	if owned, err := sandbox.OwnsLifecycle(); owned || err != nil {
		t.Errorf("a sandbox that was not booted is owned: %v, %v", owned, err)
	}
	if err := sandbox.Detach(ctx); err != nil {
		t.Error(err)
	}
	if err := sandbox.Close(); err != nil {
		t.Error(err)
	}
	_, waited := sandbox.WaitUntilStopped(ctx)
	_, owned := sandbox.OwnsLifecycle()
	for _, err := range []error{sandbox.Close(), sandbox.Stop(ctx), sandbox.Detach(ctx), waited, owned} {
		wantKind(t, err, m.ErrInvalidHandle)
	}
	if sandbox.OwnsLifecycleOrFalse() || sandbox.Name() != "base" {
		t.Error("a closed sandbox is owned, or lost its name")
	}
}

// No machine runs: what would end one returns at once, what would need one says so.
func TestLifecycleWithoutMachine(t *testing.T) {
	ctx, _ := newHome(t)
	loadDemo(t, ctx)
	sandbox, err := m.CreateSandbox(ctx, "base", m.WithImage("demo/app:1"), m.WithOCIUpperSize(72), m.WithoutBoot())
	if err != nil {
		t.Fatal(err)
	}
	handle, err := m.GetSandbox(ctx, "base")
	if err != nil {
		t.Fatal(err)
	}
	for i, err := range []error{
		sandbox.Stop(ctx, m.WithStopTimeout(time.Second)), sandbox.Kill(ctx, m.WithKillTimeout(time.Second)),
		sandbox.RequestStop(ctx), sandbox.RequestKill(ctx), sandbox.RequestDrain(ctx),
		handle.Stop(ctx), handle.Kill(ctx), handle.RequestStop(ctx), handle.RequestKill(ctx), handle.RequestDrain(ctx),
	} {
		if err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	result, err := handle.WaitUntilStopped(ctx)
	if err != nil || result.Name != "base" || result.Status != m.SandboxStatusStopped || result.ObservedAt.IsZero() {
		t.Errorf("got %+v, %v", result, err)
	}
	if _, err := sandbox.WaitUntilStopped(ctx); err != nil {
		t.Error(err)
	}
	if said, err := sandbox.Logs(ctx, m.LogOptions{}); err != nil || len(said) != 0 {
		t.Errorf("it said %q, %v", said, err)
	}
	_, err = handle.Logs(ctx, m.LogOptions{Source: 9})
	wantKind(t, err, m.ErrInvalidArgument)
	_, err = handle.Connect(ctx)
	wantKind(t, err, m.ErrSandboxNotRunning)
}

// What cannot run is no reason to have QEMU.
func TestMachinesThatCannotBe(t *testing.T) {
	ctx, _ := newSandbox(t)
	_, started := m.StartSandbox(ctx, "none")
	_, detached := m.StartSandboxDetached(ctx, "none")
	_, run := m.RunSandbox(ctx, "none", m.RunOptions{}, "/bin/app")
	_, said := (&m.SandboxHandle{}).Logs(ctx, m.LogOptions{})
	for _, err := range []error{started, detached, run} {
		wantKind(t, err, m.ErrSandboxNotFound)
	}
	if said == nil {
		t.Error("the zero handle has logs")
	}
	_, err := m.StartSandboxWith(ctx, "base", m.RunOptions{Output: func(m.OutputSource, []byte) {}}, "/bin/app")
	wantKind(t, err, m.ErrInvalidArgument)
	_, err = m.CreateSandbox(ctx, "new", m.WithImage("demo/app:1"), m.WithBoot(m.RunOptions{Accelerator: "steam"}))
	wantKind(t, err, m.ErrInvalidArgument)
	for name, options := range map[string]m.RunOptions{
		"accelerator": {Accelerator: "steam"}, "NUL": {Workdir: "a\x00b"}, "variable": {Env: map[string]string{"A=B": ""}},
		"memory": {MemoryMiB: 1}, "processors": {CPUs: 1000},
	} {
		_, err := m.RunSandbox(ctx, "base", options, "/bin/app")
		if !m.IsKind(err, m.ErrInvalidArgument) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// A sandbox whose machine does not come up is not left behind, and the failure says what to install.
func TestCreateWithoutQEMU(t *testing.T) {
	ctx, _ := newHome(t)
	loadDemo(t, ctx)
	t.Setenv("PATH", t.TempDir())
	_, err := m.CreateSandbox(ctx, "base", m.WithImage("demo/app:1"), m.WithOCIUpperSize(72))
	wantKind(t, err, m.ErrUnsupportedOperation)
	var failure *m.Error
	if errors.As(err, &failure); runtime.GOARCH == "amd64" && failure.Detail("package") != "qemu-system-x86" {
		t.Errorf("%v does not say what to install", err)
	}
	if list, err := m.ListSandboxes(ctx); err != nil || len(list) != 0 {
		t.Errorf("left %v, %v", list, err)
	}
}

func TestGetSandboxThatIsNotThere(t *testing.T) {
	ctx, _ := newHome(t)
	_, err := m.GetSandbox(ctx, "none")
	wantKind(t, err, m.ErrSandboxNotFound)
}
