package microsandbox_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	m "github.com/superradcompany/microsandbox/sdk/go"
)

// The documented surface, each member with its exact type. What is missing or has another type does not compile.
var (
	_ func(context.Context, string) (*m.ImageHandle, error)               = m.Image.Get
	_ func(context.Context) ([]*m.ImageHandle, error)                     = m.Image.List
	_ func(context.Context, string) (*m.ImageDetail, error)               = m.Image.Inspect
	_ func(context.Context, string, bool) error                           = m.Image.Remove
	_ func(context.Context) (*m.ImagePruneReport, error)                  = m.Image.Prune
	_ func(context.Context) (uint32, error)                               = m.Image.GCLayers
	_ func(context.Context) (uint32, error)                               = m.Image.GC
	_ func(context.Context, string, ...string) ([]*m.ImageHandle, error)  = m.Image.Load
	_ func(context.Context, []string, string, m.ImageArchiveFormat) error = m.Image.Save
	_ func(*m.ImageHandle) string                                         = (*m.ImageHandle).Reference
	_ func(*m.ImageHandle) string                                         = (*m.ImageHandle).ManifestDigest
	_ func(*m.ImageHandle) string                                         = (*m.ImageHandle).Architecture
	_ func(*m.ImageHandle) string                                         = (*m.ImageHandle).OS
	_ func(*m.ImageHandle) uint                                           = (*m.ImageHandle).LayerCount
	_ func(*m.ImageHandle) *int64                                         = (*m.ImageHandle).SizeBytes
	_ func(*m.ImageHandle) time.Time                                      = (*m.ImageHandle).CreatedAt
	_ func(*m.ImageHandle) time.Time                                      = (*m.ImageHandle).LastUsedAt
	_ func(*m.ImageHandle, context.Context, bool) error                   = (*m.ImageHandle).Remove
	_ func(*m.ImageHandle, context.Context) (*m.ImageDetail, error)       = (*m.ImageHandle).Inspect
	_ func(m.ImageDetail) string                                          = m.ImageDetail.Reference
	_ func(m.ImageDetail, context.Context, bool) error                    = m.ImageDetail.Remove

	_ func(m.ErrorKind) string      = m.ErrorKind.String
	_ func(*m.Error) string         = (*m.Error).Error
	_ func(*m.Error) error          = (*m.Error).Unwrap
	_ func(error, m.ErrorKind) bool = m.IsKind
	_ error                         = &m.Error{Kind: m.ErrUnknown, Message: "", Cause: nil}

	_ func(context.Context, ...m.SetupOption) error = m.EnsureInstalled
	_ func() m.SetupOption                          = m.WithSkipDownload
	_ func() bool                                   = m.IsInstalled
	_ func() string                                 = m.SDKVersion
	_ func() (string, error)                        = m.RuntimeVersion
)

// Structs that programs fill in or read: the documented fields, in their order; later ones may follow.
func TestFieldsOfTypes(t *testing.T) {
	type field struct{ name, of string }
	for _, c := range []struct {
		value  interface{}
		fields []field
	}{
		{m.ImageDetail{}, []field{{"ImageHandle", "*microsandbox.ImageHandle"}, {"Config", "*microsandbox.ImageConfig"},
			{"Layers", "[]microsandbox.ImageLayer"}}},
		{m.ImageConfig{}, []field{{"Digest", "string"}, {"Env", "[]string"}, {"Cmd", "[]string"}, {"Entrypoint", "[]string"},
			{"WorkingDir", "string"}, {"User", "string"}, {"Labels", "map[string]string"}, {"StopSignal", "string"}}},
		{m.ImageLayer{}, []field{{"DiffID", "string"}, {"BlobDigest", "string"}, {"MediaType", "string"},
			{"CompressedSizeBytes", "*int64"}, {"ErofsSizeBytes", "*int64"}, {"Position", "int32"}}},
		{m.ImagePruneReport{}, []field{{"ImageRefsRemoved", "uint32"}, {"ManifestsRemoved", "uint32"},
			{"LayersRemoved", "uint32"}, {"FsmetaRemoved", "uint32"}, {"VMDKRemoved", "uint32"}, {"BytesReclaimed", "*uint64"}}},
		{m.Error{}, []field{{"Kind", "microsandbox.ErrorKind"}, {"Message", "string"}, {"Cause", "error"}}},
	} {
		of := reflect.TypeOf(c.value)
		for i, want := range c.fields {
			if i >= of.NumField() {
				t.Errorf("%v lacks %s", of, want.name)
			} else if got := of.Field(i); got.Name != want.name || got.Type.String() != want.of {
				t.Errorf("field %d of %v is %s %v, want %s %s", i, of, got.Name, got.Type, want.name, want.of)
			}
		}
	}
}

func TestValuesOfConstants(t *testing.T) {
	for got, want := range map[string]string{
		string(m.ImageArchiveDocker): "docker", string(m.ImageArchiveOCI): "oci",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
