//go:build cgo

package capi

import "testing"

func TestAttachments(t *testing.T) {
	var machines Attachments
	first := machines.Attach("one")
	if !machines.Attached("one", first) || machines.Attached("one", 0) || machines.Attached("two", first) {
		t.Error("a machine is not told from others")
	}
	second := machines.Attach("one")
	if machines.Attached("one", first) || !machines.Attached("one", second) {
		t.Error("a machine is taken for the one before it")
	}
	if names := machines.Sandboxes(); len(names) != 1 || names[0] != "one" {
		t.Errorf("got %q", names)
	}
	machines.Detach("one")
	machines.Detach("two")
	if machines.Attached("one", second) || len(machines.Sandboxes()) != 0 {
		t.Error("a machine that was let go is still there")
	}
}
