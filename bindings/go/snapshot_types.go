package microsandbox

import (
	"context"
	"time"

	"github.com/superradcompany/microsandbox/sdk/go/internal/capi"
)

// SnapshotArtifact is a snapshot on disk, as it was when it was opened. It does not change; goroutines may share it.
type SnapshotArtifact struct{ info capi.Snapshot }

func artifact(info *capi.Snapshot, err error) (*SnapshotArtifact, error) {
	if err != nil {
		return nil, wrap(err)
	}
	return &SnapshotArtifact{*info}, nil
}

// Verify reads the disk of the snapshot and holds it against the digest that was recorded. What does not match is
// ErrSnapshotIntegrity; a snapshot without a recorded digest yields a report that says so.
func (s *SnapshotArtifact) Verify(ctx context.Context) (*SnapshotVerifyReport, error) {
	client, err := clientOf(ctx)
	if err != nil {
		return nil, err
	}
	report, err := client.VerifySnapshot(ctx, s.info.Path)
	if err != nil {
		return nil, wrap(err)
	}
	kind := "not_recorded"
	if report.Verified {
		kind = "verified"
	}
	return &SnapshotVerifyReport{
		Digest: report.Digest,
		Path:   report.Path,
		Upper:  SnapshotUpperVerifyStatus{Kind: kind, Algorithm: report.UpperAlgorithm, Digest: report.UpperDigest},
	}, nil
}

// Path is the directory of the snapshot, absolute.
func (s *SnapshotArtifact) Path() string { return s.info.Path }

// Digest is the digest of the descriptor, "sha256:…", by which the snapshot is known wherever it goes.
func (s *SnapshotArtifact) Digest() string { return s.info.Digest }

// SizeBytes is the apparent size of the disk.
func (s *SnapshotArtifact) SizeBytes() uint64 { return s.info.SizeBytes }

// ImageRef is the reference of the image that the sandbox was made from.
func (s *SnapshotArtifact) ImageRef() string { return s.info.ImageRef }

// ImageManifestDigest is the digest of that image's manifest.
func (s *SnapshotArtifact) ImageManifestDigest() string { return s.info.ImageDigest }

// Format is the format of the disk, "raw" or "qcow2".
func (s *SnapshotArtifact) Format() string { return s.info.Format }

// Fstype is the file system on the disk, "ext4".
func (s *SnapshotArtifact) Fstype() string { return s.info.Fstype }

// Parent is the digest of the snapshot that this one builds on; nil for a root.
func (s *SnapshotArtifact) Parent() *string { return copyText(s.info.Parent) }

// CreatedAt is when the snapshot was made, in RFC 3339 as it was recorded.
func (s *SnapshotArtifact) CreatedAt() string { return s.info.CreatedAt }

// Labels are the labels that were recorded, as a copy.
func (s *SnapshotArtifact) Labels() map[string]string { return copyMap(s.info.Labels) }

// SourceSandbox is the name of the sandbox it was taken of; nil when that was not recorded.
func (s *SnapshotArtifact) SourceSandbox() *string { return copyText(s.info.SourceSandbox) }

// SnapshotHandle is what the index knows of a snapshot. It does not change; goroutines may share it.
type SnapshotHandle struct{ info capi.SnapshotHandle }

func snapshotHandle(info *capi.SnapshotHandle, err error) (*SnapshotHandle, error) {
	if err != nil {
		return nil, wrap(err)
	}
	return &SnapshotHandle{*info}, nil
}

// Open is [Snapshot].Open of the handle's path.
func (h *SnapshotHandle) Open(ctx context.Context) (*SnapshotArtifact, error) {
	return Snapshot.Open(ctx, h.Path())
}

// Remove is [Snapshot].Remove of the handle's digest.
func (h *SnapshotHandle) Remove(ctx context.Context, force bool) error {
	return Snapshot.Remove(ctx, h.Digest(), force)
}

// Digest is the digest of the descriptor.
func (h *SnapshotHandle) Digest() string { return h.info.Digest }

// Name is the bare name; nil when the snapshot has none.
func (h *SnapshotHandle) Name() *string { return copyText(h.info.Name) }

// ParentDigest is the digest of the snapshot that this one builds on; nil for a root.
func (h *SnapshotHandle) ParentDigest() *string { return copyText(h.info.Parent) }

// ImageRef is the reference of the image that the sandbox was made from.
func (h *SnapshotHandle) ImageRef() string { return h.info.ImageRef }

// Format is the format of the disk, "raw" or "qcow2".
func (h *SnapshotHandle) Format() string { return h.info.Format }

// SizeBytes is the apparent size of the disk when it was indexed; nil when unknown.
func (h *SnapshotHandle) SizeBytes() *uint64 {
	if h.info.SizeBytes == nil {
		return nil
	}
	size := *h.info.SizeBytes
	return &size
}

// Path is the directory of the snapshot when it was indexed.
func (h *SnapshotHandle) Path() string { return h.info.Path }

// CreatedAt is when the snapshot was made, in whole seconds.
func (h *SnapshotHandle) CreatedAt() time.Time { return wholeSeconds(h.info.CreatedAt) }

// SnapshotVerifyReport says what [SnapshotArtifact.Verify] found.
type SnapshotVerifyReport struct {
	Digest string // of the descriptor, computed anew
	Path   string // directory that was verified
	Upper  SnapshotUpperVerifyStatus
}

// SnapshotUpperVerifyStatus is what Verify found about the disk.
type SnapshotUpperVerifyStatus struct {
	Kind      string // "verified", or "not_recorded" when there is no digest to hold the disk against
	Algorithm string // "" when not recorded, like the next
	Digest    string // computed anew
}

func copyText(s *string) *string {
	if s == nil {
		return nil
	}
	text := *s
	return &text
}

// copyMap keeps nil and empty apart.
func copyMap(m map[string]string) map[string]string {
	if m == nil {
		return nil
	}
	fresh := make(map[string]string, len(m))
	for key, value := range m {
		fresh[key] = value
	}
	return fresh
}
