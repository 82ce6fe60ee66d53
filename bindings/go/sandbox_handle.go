package microsandbox

import (
	"context"
	"time"
)

// SandboxStatus says whether a machine runs.
type SandboxStatus string

// The statuses. The registry may also say "created" and "starting".
const (
	SandboxStatusRunning  SandboxStatus = "running"
	SandboxStatusStopped  SandboxStatus = "stopped"
	SandboxStatusCrashed  SandboxStatus = "crashed"
	SandboxStatusDraining SandboxStatus = "draining"
	SandboxStatusPaused   SandboxStatus = "paused"
)

// Name is the name of the sandbox.
func (h *SandboxHandle) Name() string { return h.info.Name }

// Status is how the sandbox was when the handle was made.
func (h *SandboxHandle) Status() SandboxStatus { return SandboxStatus(h.info.Status) }

// ConfigJSON is the stored configuration, as it is stored.
func (h *SandboxHandle) ConfigJSON() string { return h.info.ConfigJSON }

// Config is the stored configuration as far as this package knows it.
func (h *SandboxHandle) Config() (*SandboxConfig, error) { return parseConfig(h.info.ConfigJSON) }

// CreatedAt is when the sandbox was made; zero when unknown.
func (h *SandboxHandle) CreatedAt() time.Time { return h.info.CreatedAt }

// UpdatedAt is when its record changed last; zero when unknown.
func (h *SandboxHandle) UpdatedAt() time.Time { return h.info.UpdatedAt }

// Refresh looks the sandbox up again.
func (h *SandboxHandle) Refresh(ctx context.Context) (*SandboxHandle, error) {
	return GetSandbox(ctx, h.Name())
}

// Snapshot makes a snapshot under a bare name. The sandbox must be stopped or crashed now.
func (h *SandboxHandle) Snapshot(ctx context.Context, name string) (*SnapshotArtifact, error) {
	return Snapshot.Create(ctx, h.Name(), SnapshotCreateOptions{Name: name})
}

// SnapshotTo makes a snapshot at a path, the directory to create. The sandbox must be stopped or crashed now.
func (h *SandboxHandle) SnapshotTo(ctx context.Context, path string) (*SnapshotArtifact, error) {
	return Snapshot.Create(ctx, h.Name(), SnapshotCreateOptions{Path: path})
}

// Remove is [RemoveSandbox].
func (h *SandboxHandle) Remove(ctx context.Context) error { return RemoveSandbox(ctx, h.Name()) }
