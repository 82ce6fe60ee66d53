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

	_ func(context.Context, string, m.SnapshotCreateOptions) (*m.SnapshotArtifact, error) = m.Snapshot.Create
	_ func(context.Context, string) (*m.SnapshotArtifact, error)                          = m.Snapshot.Open
	_ func(context.Context, string) (*m.SnapshotHandle, error)                            = m.Snapshot.Get
	_ func(context.Context) ([]*m.SnapshotHandle, error)                                  = m.Snapshot.List
	_ func(context.Context, string) ([]*m.SnapshotArtifact, error)                        = m.Snapshot.ListDir
	_ func(context.Context, string, bool) error                                           = m.Snapshot.Remove
	_ func(context.Context, string) (uint32, error)                                       = m.Snapshot.Reindex
	_ func(context.Context, string, string, m.SnapshotExportOptions) error                = m.Snapshot.Export
	_ func(context.Context, string, string) (*m.SnapshotHandle, error)                    = m.Snapshot.Import
	_ func(context.Context, string, string, m.SnapshotSaveOptions) error                  = m.Snapshot.Save
	_ func(context.Context, string, string) (*m.SnapshotHandle, error)                    = m.Snapshot.Load

	_ func(*m.SnapshotArtifact, context.Context) (*m.SnapshotVerifyReport, error) = (*m.SnapshotArtifact).Verify
	_ func(*m.SnapshotArtifact) string                                            = (*m.SnapshotArtifact).Path
	_ func(*m.SnapshotArtifact) string                                            = (*m.SnapshotArtifact).Digest
	_ func(*m.SnapshotArtifact) uint64                                            = (*m.SnapshotArtifact).SizeBytes
	_ func(*m.SnapshotArtifact) string                                            = (*m.SnapshotArtifact).ImageRef
	_ func(*m.SnapshotArtifact) string                                            = (*m.SnapshotArtifact).ImageManifestDigest
	_ func(*m.SnapshotArtifact) string                                            = (*m.SnapshotArtifact).Format
	_ func(*m.SnapshotArtifact) string                                            = (*m.SnapshotArtifact).Fstype
	_ func(*m.SnapshotArtifact) *string                                           = (*m.SnapshotArtifact).Parent
	_ func(*m.SnapshotArtifact) string                                            = (*m.SnapshotArtifact).CreatedAt
	_ func(*m.SnapshotArtifact) map[string]string                                 = (*m.SnapshotArtifact).Labels
	_ func(*m.SnapshotArtifact) *string                                           = (*m.SnapshotArtifact).SourceSandbox

	_ func(*m.SnapshotHandle, context.Context) (*m.SnapshotArtifact, error) = (*m.SnapshotHandle).Open
	_ func(*m.SnapshotHandle, context.Context, bool) error                  = (*m.SnapshotHandle).Remove
	_ func(*m.SnapshotHandle) string                                        = (*m.SnapshotHandle).Digest
	_ func(*m.SnapshotHandle) *string                                       = (*m.SnapshotHandle).Name
	_ func(*m.SnapshotHandle) *string                                       = (*m.SnapshotHandle).ParentDigest
	_ func(*m.SnapshotHandle) string                                        = (*m.SnapshotHandle).ImageRef
	_ func(*m.SnapshotHandle) string                                        = (*m.SnapshotHandle).Format
	_ func(*m.SnapshotHandle) *uint64                                       = (*m.SnapshotHandle).SizeBytes
	_ func(*m.SnapshotHandle) string                                        = (*m.SnapshotHandle).Path
	_ func(*m.SnapshotHandle) time.Time                                     = (*m.SnapshotHandle).CreatedAt

	_ func(context.Context, string, ...m.SandboxOption) (*m.Sandbox, error) = m.CreateSandbox
	_ func(context.Context, string) (*m.SandboxHandle, error)               = m.GetSandbox
	_ func(context.Context) ([]*m.SandboxHandle, error)                     = m.ListSandboxes
	_ func(context.Context, m.SandboxFilter) ([]*m.SandboxHandle, error)    = m.ListSandboxesWith
	_ func() m.SandboxFilter                                                = m.NewSandboxFilter
	_ func(m.SandboxFilter, map[string]string) m.SandboxFilter              = m.SandboxFilter.WithLabels
	_ func(context.Context, string) (*m.Sandbox, error)                     = m.StartSandbox
	_ func(context.Context, string) (*m.Sandbox, error)                     = m.StartSandboxDetached
	_ func(context.Context, string) error                                   = m.RemoveSandbox

	_ func(*m.Sandbox) string                                         = (*m.Sandbox).Name
	_ func(*m.Sandbox, context.Context, ...m.StopOption) error        = (*m.Sandbox).Stop
	_ func(*m.Sandbox, context.Context, ...m.KillOption) error        = (*m.Sandbox).Kill
	_ func(*m.Sandbox) error                                          = (*m.Sandbox).Close
	_ func(*m.Sandbox, context.Context) error                         = (*m.Sandbox).Detach
	_ func(*m.Sandbox, context.Context) error                         = (*m.Sandbox).RequestStop
	_ func(*m.Sandbox, context.Context) error                         = (*m.Sandbox).RequestKill
	_ func(*m.Sandbox, context.Context) error                         = (*m.Sandbox).RequestDrain
	_ func(*m.Sandbox, context.Context) (*m.SandboxStopResult, error) = (*m.Sandbox).WaitUntilStopped
	_ func(*m.Sandbox) (bool, error)                                  = (*m.Sandbox).OwnsLifecycle
	_ func(*m.Sandbox) bool                                           = (*m.Sandbox).OwnsLifecycleOrFalse

	_ func(*m.SandboxHandle) string                                                = (*m.SandboxHandle).Name
	_ func(*m.SandboxHandle) m.SandboxStatus                                       = (*m.SandboxHandle).Status
	_ func(*m.SandboxHandle) string                                                = (*m.SandboxHandle).ConfigJSON
	_ func(*m.SandboxHandle) (*m.SandboxConfig, error)                             = (*m.SandboxHandle).Config
	_ func(*m.SandboxHandle) time.Time                                             = (*m.SandboxHandle).CreatedAt
	_ func(*m.SandboxHandle) time.Time                                             = (*m.SandboxHandle).UpdatedAt
	_ func(*m.SandboxHandle, context.Context) (*m.SandboxHandle, error)            = (*m.SandboxHandle).Refresh
	_ func(*m.SandboxHandle, context.Context) (*m.Sandbox, error)                  = (*m.SandboxHandle).Connect
	_ func(*m.SandboxHandle, context.Context) (*m.Sandbox, error)                  = (*m.SandboxHandle).Start
	_ func(*m.SandboxHandle, context.Context) (*m.Sandbox, error)                  = (*m.SandboxHandle).StartDetached
	_ func(*m.SandboxHandle, context.Context, ...m.StopOption) error               = (*m.SandboxHandle).Stop
	_ func(*m.SandboxHandle, context.Context) error                                = (*m.SandboxHandle).RequestStop
	_ func(*m.SandboxHandle, context.Context, ...m.KillOption) error               = (*m.SandboxHandle).Kill
	_ func(*m.SandboxHandle, context.Context) error                                = (*m.SandboxHandle).RequestKill
	_ func(*m.SandboxHandle, context.Context) error                                = (*m.SandboxHandle).RequestDrain
	_ func(*m.SandboxHandle, context.Context) (*m.SandboxStopResult, error)        = (*m.SandboxHandle).WaitUntilStopped
	_ func(*m.SandboxHandle, context.Context) error                                = (*m.SandboxHandle).Remove
	_ func(*m.SandboxHandle, context.Context, string) (*m.SnapshotArtifact, error) = (*m.SandboxHandle).Snapshot
	_ func(*m.SandboxHandle, context.Context, string) (*m.SnapshotArtifact, error) = (*m.SandboxHandle).SnapshotTo

	_ m.SandboxOption                         = func(*m.SandboxConfig) {}
	_ func(string) m.SandboxOption            = m.WithImage
	_ func(string) m.SandboxOption            = m.WithSnapshot
	_ func(string) m.SandboxOption            = m.WithFromSnapshot
	_ func(map[string]string) m.SandboxOption = m.WithLabels
	_ func(string, string) m.SandboxOption    = m.WithLabel
	_ func() m.SandboxOption                  = m.WithReplace
	_ func(time.Duration) m.SandboxOption     = m.WithReplaceWithTimeout
	_ func(uint32) m.SandboxOption            = m.WithMemory
	_ func(uint8) m.SandboxOption             = m.WithCPUs
	_ func(map[string]string) m.SandboxOption = m.WithEnv
	_ func(string) m.SandboxOption            = m.WithWorkdir
	_ func(string) m.SandboxOption            = m.WithHostname
	_ func(string) m.SandboxOption            = m.WithUser
	_ func(string) m.SandboxOption            = m.WithShell
	_ func(...string) m.SandboxOption         = m.WithEntrypoint
	_ func() m.SandboxOption                  = m.WithDetached
	_ func(bool) m.SandboxOption              = m.WithEphemeral
	_ func(m.PullPolicy) m.SandboxOption      = m.WithPullPolicy
	_ func(uint32) m.SandboxOption            = m.WithOCIUpperSize
	_ func(string, string) m.SandboxOption    = m.WithImageDisk
	_ func(string) m.SandboxOption            = m.WithBindRootfs
	_ func(m.RegistryAuth) m.SandboxOption    = m.WithRegistryAuth
	_ func(time.Duration) m.SandboxOption     = m.WithMaxDuration
	_ func(time.Duration) m.SandboxOption     = m.WithIdleTimeout
	_ func(time.Duration) m.StopOption        = m.WithStopTimeout
	_ func(time.Duration) m.KillOption        = m.WithKillTimeout

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
		{m.SnapshotCreateOptions{}, []field{{"Name", "string"}, {"Path", "string"}, {"Labels", "map[string]string"},
			{"Force", "bool"}, {"RecordIntegrity", "bool"}}},
		{m.SnapshotExportOptions{}, []field{{"WithParents", "bool"}, {"WithImage", "bool"}, {"PlainTar", "bool"}}},
		{m.SnapshotSaveOptions{}, []field{{"WithParents", "bool"}, {"WithImage", "bool"}, {"PlainTar", "bool"}}},
		{m.SnapshotVerifyReport{}, []field{{"Digest", "string"}, {"Path", "string"},
			{"Upper", "microsandbox.SnapshotUpperVerifyStatus"}}},
		{m.SnapshotUpperVerifyStatus{}, []field{{"Kind", "string"}, {"Algorithm", "string"}, {"Digest", "string"}}},
		{m.SandboxStopResult{}, []field{{"Name", "string"}, {"Status", "microsandbox.SandboxStatus"}, {"ExitCode", "*int"},
			{"Signal", "*int"}, {"ObservedAt", "time.Time"}, {"Source", "*string"}}},
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
		string(m.SandboxStatusRunning): "running", string(m.SandboxStatusStopped): "stopped",
		string(m.SandboxStatusCrashed): "crashed", string(m.SandboxStatusDraining): "draining",
		string(m.SandboxStatusPaused): "paused", string(m.PullPolicyDefault): "", string(m.PullPolicyAlways): "always",
		string(m.PullPolicyIfMissing): "if-missing", string(m.PullPolicyNever): "never",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
