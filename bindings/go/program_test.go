package microsandbox_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// goRun runs a command of the go tool in a directory, with a home of its own.
func goRun(t *testing.T, dir, home string, args ...string) string {
	t.Helper()
	command := exec.Command("go", args...)
	command.Dir = dir
	command.Env = append(os.Environ(), "MSB_HOME="+home, "GOFLAGS=-mod=mod", "GOPROXY=off")
	var errors strings.Builder
	command.Stderr = &errors
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go %q: %v\n%s%s", args, err, out, errors.String())
	}
	return string(out)
}

// newModule is a folder with a module of one program, in which a replace line leads the import path here.
func newModule(t *testing.T, program string) string {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range map[string]string{
		"main.go": program,
		"go.mod": "module example.org/program\n\ngo 1.19\n\n" +
			"require github.com/superradcompany/microsandbox/sdk/go v0.6.3\n\n" +
			"replace github.com/superradcompany/microsandbox/sdk/go => " + here + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// It boots two machines.
func TestProgramThatReplacesTheModule(t *testing.T) {
	needsMachines(t)
	program, err := os.ReadFile("testdata/program/main.go")
	if err != nil {
		t.Fatal(err)
	}
	dir := newModule(t, string(program))
	got := goRun(t, dir, filepath.Join(dir, "home"), "run", ".", writeImage(t, demoImage), t.TempDir())
	want := `loaded 2 references
image local/python:3.12 2
command [/bin/app] 2 layers of local/python:3.12
baseline runs, and ends with this program: true
status running
too early: true
started twice: true
removed: false
let go: true
upper verified post-deps baseline
connected, not owned: true
status running
ended stopped 0
killed again: <nil> <nil>
child of true
parent is kept: true
imported true true
indexed 1 of 2 snapshots
image is in use
ImageNotFound
sandbox worker true
sandbox baseline true
2 layers removed
`
	if got != want {
		t.Errorf("the program printed\n%s\nwant\n%s", got, want)
	}
}

// The program of README.md needs a registry and the network; what it does, TestRunSnapshotFork does.
func TestProgramOfReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	program := string(readme[strings.Index(string(readme), "package main"):])
	program = program[:strings.Index(program, "```")]
	dir := newModule(t, program)
	goRun(t, dir, filepath.Join(dir, "home"), "vet", ".")
}

func TestExamplePrograms(t *testing.T) {
	dir := t.TempDir()
	home, other := filepath.Join(dir, "home"), filepath.Join(dir, "other")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"./examples/images", writeImage(t, demoImage)}, "demo/app:1: linux/" + runtime.GOARCH + `, 2 layers, runs ["/bin/app"]` + "\n"},
		{[]string{"./examples/fork", "demo/app:1", "3"}, "snapshot of template is verified\n3 workers\n"},
		{[]string{"./examples/move", "template", other}, "moved demo/app:1\n"},
	} {
		if got := goRun(t, ".", home, append([]string{"run"}, c.args...)...); got != c.want {
			t.Errorf("%q printed %q, want %q", c.args, got, c.want)
		}
	}
}
