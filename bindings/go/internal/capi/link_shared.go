//go:build !microsandbox_static

package capi

// #cgo pkg-config: microsandbox
import "C"
