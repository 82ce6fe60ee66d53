//go:build !race

package microsandbox_test

const slowness = 4 // machines that run several suites at once
