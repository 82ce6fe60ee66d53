//go:build cgo

package capi

import "sync"

// Attachments are the machines that end with a client. A machine is known by its sandbox and a number: one that the
// sandbox runs later is another.
type Attachments struct {
	mu       sync.Mutex
	last     uint64
	machines map[string]uint64
}

// Attach takes the machine of a sandbox in, and returns its number, which is never 0.
func (a *Attachments) Attach(sandbox string) uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.machines == nil {
		a.machines = make(map[string]uint64)
	}
	a.last++
	a.machines[sandbox] = a.last
	return a.last
}

// Attached tells whether that machine is still there.
func (a *Attachments) Attached(sandbox string, number uint64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return number != 0 && a.machines[sandbox] == number
}

// Detach lets go of the machine of a sandbox: it has ended, or is somebody else's now.
func (a *Attachments) Detach(sandbox string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.machines, sandbox)
}

// Sandboxes are those with a machine here.
func (a *Attachments) Sandboxes() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	names := make([]string, 0, len(a.machines))
	for name := range a.machines {
		names = append(names, name)
	}
	return names
}
