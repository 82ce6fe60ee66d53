//go:build microsandbox_static

package capi

// #cgo pkg-config: microsandbox-static
import "C"
