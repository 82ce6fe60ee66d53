package capi

import "testing"

// A panic must not unwind the frames of the library: it is held, the machine is stopped, and nothing more is said.
func TestHearerHoldsPanics(t *testing.T) {
	heard, stopped := 0, 0
	h := &hearer{
		sink: func(source uint32, bytes []byte) {
			if heard++; string(bytes) == "bad" {
				panic("boom")
			}
		},
		stop: func() { stopped++ },
	}
	for _, bytes := range []string{"good", "bad", "late"} {
		h.hear(OutputStdout, []byte(bytes))
	}
	if heard != 2 || stopped != 1 || h.panicked != "boom" {
		t.Errorf("heard %d, stopped %d, panicked %v", heard, stopped, h.panicked)
	}
}
