package microsandbox_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
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

// needsMachines skips a test where the host has no QEMU or no kernel. What it boots has no time to come up.
func needsMachines(t *testing.T) {
	t.Helper()
	ctx, _ := newHome(t)
	loadDemo(t, ctx)
	createSandbox(t, ctx, "probe", m.WithImage("demo/app:1"), m.WithOCIUpperSize(72))
	_, err := m.RunSandbox(ctx, "probe", m.RunOptions{Accelerator: m.AcceleratorTCG, ReadyTimeout: time.Millisecond})
	if m.IsKind(err, m.ErrUnsupportedOperation) {
		t.Skip(err)
	}
	wantKind(t, err, m.ErrExecTimeout)
}

// What is documented, without what is done by hand in between: run something, snapshot, fork, and see it there.
func TestRunSnapshotFork(t *testing.T) {
	needsMachines(t)
	ctx, _ := newHome(t)
	if _, err := m.Image.Load(ctx, busyboxImage(t)); err != nil {
		t.Fatal(err)
	}
	createSandbox(t, ctx, "base", m.WithImage("demo/busybox:1"), m.WithEnv(map[string]string{"A": "made", "B": "made"}))

	heard := map[m.OutputSource]*bytes.Buffer{m.OutputStdout: {}, m.OutputStderr: {}}
	result, err := m.RunSandbox(ctx, "base", m.RunOptions{
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

	handle, err := m.GetSandbox(ctx, "base")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := handle.Snapshot(ctx, "ready"); err != nil {
		t.Fatal(err)
	}
	createSandbox(t, ctx, "fork", m.WithSnapshot("ready"))
	if handle, err = m.GetSandbox(ctx, "fork"); err != nil {
		t.Fatal(err)
	}
	result, err = handle.Run(ctx, m.RunOptions{Accelerator: m.AcceleratorTCG}, "/bin/sh", "-c", "cat /tmp/kept; kill -9 $$")
	if err != nil {
		t.Fatal(err)
	}
	if string(result.Stdout) != "kept\n" || len(result.Stderr) != 0 || result.Stderr == nil {
		t.Errorf("it said %q, and complained %q", result.Stdout, result.Stderr)
	}
	if result.ExitCode != 137 || result.Signal == nil || *result.Signal != 9 {
		t.Errorf("got %+v", result)
	}
	stopped, err := handle.WaitUntilStopped(ctx)
	if err != nil || stopped.ExitCode != nil || stopped.Signal == nil || *stopped.Signal != 9 {
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
