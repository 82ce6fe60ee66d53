package microsandbox_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The parts of the source tree that all its tests share.
const sharedTests = "../../tests"

// A lab is the registries of tests/support/registry_lab.py, which says what they are.
type lab map[string]string

// newLab starts them for one test, or skips it where they cannot be had.
func newLab(t *testing.T) lab {
	t.Helper()
	script := filepath.Join(sharedTests, "support", "registry_lab.py")
	if _, err := os.Stat(script); err != nil {
		t.Skip("outside of the source tree: ", err)
	}
	command := exec.Command("python3", "-B", "-W", "ignore", script, t.TempDir())
	stop, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	lines, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Skip("no registries: ", err)
	}
	t.Cleanup(func() {
		_ = stop.Close()
		_ = command.Wait()
	})
	facts := lab{}
	scanner := bufio.NewScanner(lines)
	for scanner.Scan() {
		if scanner.Text() == "ready" {
			return facts
		}
		if parts := strings.SplitN(scanner.Text(), "=", 2); len(parts) == 2 {
			facts[parts[0]] = parts[1]
		}
	}
	t.Skip("no registries: docker-registry, skopeo or openssl is missing")
	return nil
}

// image is the reference of an image on one of the servers.
func (l lab) image(server, name string) string { return "127.0.0.1:" + l[server] + "/" + name }
