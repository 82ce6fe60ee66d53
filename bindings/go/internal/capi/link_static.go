//go:build microsandbox_static

package capi

// #cgo pkg-config: --static microsandbox
import "C"
