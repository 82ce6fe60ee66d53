//go:build race

package microsandbox_test

// slowness is by how much the race detector stretches times.
const slowness = 10
