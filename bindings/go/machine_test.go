package microsandbox_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	m "github.com/superradcompany/microsandbox/sdk/go"
)

// busyboxImage is the archive of an image with a shell, demo/busybox:1. Skips where there is no busybox to make it of.
func busyboxImage(t *testing.T) string {
	t.Helper()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("no image with a shell, install busybox-static: ", err)
	}
	script := filepath.Join(sharedTests, "demo", "make_image.sh")
	if _, err := os.Stat(script); err != nil {
		t.Skip("outside of the source tree: ", err)
	}
	path := filepath.Join(t.TempDir(), "busybox.tar")
	if out, err := exec.Command(script, busybox, path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

var machines struct {
	once   sync.Once
	probed error
}

// needsMachines skips a test where the host has no QEMU or no kernel. What it boots has no time to come up.
func needsMachines(t *testing.T) {
	t.Helper()
	machines.once.Do(func() {
		ctx, _ := newHome(t)
		loadDemo(t, ctx)
		createSandbox(t, ctx, "probe", m.WithImage("demo/app:1"), m.WithOCIUpperSize(72))
		options := m.RunOptions{Accelerator: m.AcceleratorTCG, ReadyTimeout: time.Millisecond}
		_, machines.probed = m.RunSandbox(ctx, "probe", options)
	})
	if m.IsKind(machines.probed, m.ErrUnsupportedOperation) {
		t.Skip(machines.probed)
	}
	wantKind(t, machines.probed, m.ErrExecTimeout)
}

// What is documented, without what is done by hand in between: run something, snapshot, fork, and see it there.
func TestRunSnapshotFork(t *testing.T) {
	needsMachines(t)
	ctx, client := newHome(t)
	home := client.Home()
	if _, err := m.Image.Load(ctx, busyboxImage(t)); err != nil {
		t.Fatal(err)
	}
	createSandbox(t, ctx, "base", m.WithImage("demo/busybox:1"), m.WithEnv(map[string]string{"A": "made", "B": "made"}))

	handle, err := m.GetSandbox(ctx, "base")
	if err != nil {
		t.Fatal(err)
	}

	heard := map[m.OutputSource]*bytes.Buffer{m.OutputStdout: {}, m.OutputStderr: {}}
	result, err := handle.Run(ctx, m.RunOptions{
		Env: map[string]string{"B": "told"}, Workdir: "/etc", User: "65534", MemoryMiB: 256, CPUs: 2, Hostname: "box",
		Accelerator: m.AcceleratorTCG,
		Output:      func(source m.OutputSource, bytes []byte) { heard[source].Write(bytes) },
	}, "/bin/sh", "-c", `echo "$A $B $(busybox hostname) $(busybox id -u) $(pwd)"; echo kept > /tmp/kept; echo late >&2; exit 7`)
	if err != nil {
		t.Fatal(err)
	}
	if got := heard[m.OutputStdout].String(); got != "made told box 65534 /etc\n" {
		t.Errorf("it said %q", got)
	}
	if got := heard[m.OutputStderr].String(); got != "late\n" || result.StderrBytes != 5 {
		t.Errorf("it complained %q, %d bytes", got, result.StderrBytes)
	}
	if result.ExitCode != 7 || result.Signal != nil || result.Stdout != nil || !result.Clean ||
		result.Accelerator != m.AcceleratorTCG || result.ReadyAfter <= 0 || result.Took < result.ReadyAfter {
		t.Errorf("got %+v", result)
	}

	if _, err := handle.Snapshot(ctx, "ready"); err != nil {
		t.Fatal(err)
	}
	fork, err := m.CreateSandbox(ctx, "fork", m.WithSnapshot("ready"),
		m.WithBoot(m.RunOptions{Accelerator: m.AcceleratorTCG}, "/bin/sh", "-c", "cat /tmp/kept; exec sleep 1000"))
	if err != nil {
		t.Fatal(err)
	}
	if !fork.OwnsLifecycleOrFalse() {
		t.Error("the machine is nobody's")
	}
	for said, limit := []byte(nil), time.Now().Add(time.Minute); string(said) != "kept\n"; time.Sleep(10 * time.Millisecond) {
		if said, err = fork.Logs(ctx, m.LogOptions{}); err != nil || time.Now().After(limit) {
			t.Fatalf("it said %q, %v", said, err)
		}
	}
	// It ends with its client, and sleep does by the signal that asks for that.
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	if client, err = m.OpenClient(m.ClientOptions{Home: home}); err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx = m.WithClient(context.Background(), client)
	if handle, err = m.GetSandbox(ctx, "fork"); err != nil || handle.Status() != m.SandboxStatusStopped {
		t.Fatalf("got %v, %v", handle, err)
	}
	stopped, err := handle.WaitUntilStopped(ctx)
	if err != nil || stopped.ExitCode != nil || stopped.Signal == nil || *stopped.Signal != int(syscall.SIGTERM) ||
		*stopped.Source != "signalled" {
		t.Errorf("got %+v, %v", stopped, err)
	}
	for options, want := range map[m.LogOptions]string{{}: "kept\n", {Tail: 3}: "pt\n", {Source: m.OutputStderr}: ""} {
		if said, err := handle.Logs(ctx, options); err != nil || string(said) != want {
			t.Errorf("%+v: got %q, %v", options, said, err)
		}
	}
}

// A machine that is given up while it starts leaves nothing of a sandbox that was to be made.
func TestCreateGivenUp(t *testing.T) {
	needsMachines(t)
	home, _ := newHome(t)
	loadDemo(t, home)
	ctx, cancel := context.WithTimeout(home, 500*time.Millisecond)
	defer cancel()
	_, err := m.CreateSandbox(ctx, "base", m.WithImage("demo/app:1"), m.WithOCIUpperSize(72))
	wantKind(t, err, m.ErrCancelled)
	if list, err := m.ListSandboxes(home); err != nil || len(list) != 0 {
		t.Errorf("left %v, %v", list, err)
	}
}
