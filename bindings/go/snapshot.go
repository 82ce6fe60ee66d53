package microsandbox

import (
	"context"

	"github.com/superradcompany/microsandbox/sdk/go/internal/capi"
)

// Snapshot makes and finds disk snapshots: the writable disk of a sandbox that is not running, kept as a directory with a
// descriptor. A snapshot is named by its bare name under the snapshots directory, by the path of its directory, or by its
// digest; every function takes all three. What it can do are the methods of [SnapshotFactory].
var Snapshot SnapshotFactory

// SnapshotFactory has the functions of [Snapshot]: m.Snapshot.List(ctx) is `go doc SnapshotFactory.List`.
type SnapshotFactory struct{}

// SnapshotCreateOptions configures [Snapshot].Create. Set exactly one of Name and Path.
type SnapshotCreateOptions struct {
	Name            string            // bare name under the snapshots directory
	Path            string            // or the directory to create
	Labels          map[string]string // recorded in the descriptor
	Force           bool              // replace the snapshot that is there
	RecordIntegrity bool              // record a digest of the disk, which Verify can hold it against
}

// SnapshotConvertOptions configures [Snapshot].Convert. Set exactly one of Name and Path.
type SnapshotConvertOptions struct {
	Form               Generation         // GenerationManifest or GenerationDescriptor; zero for that of the home's owner
	Name               string             // bare name under the snapshots directory
	Path               string             // or the directory to create
	DestDir            string             // with Name: put it there instead of the snapshots directory
	Force              bool               // replace the snapshot that is there
	RecordIntegrity    bool               // hash the disk anew, after holding it against what is recorded
	IntegrityAlgorithm IntegrityAlgorithm // the same with this one; zero for what the form asks for
	DropParent         bool               // record no parent, where it cannot be found for instance
}

// IntegrityAlgorithm is how the digest of a disk is made.
type IntegrityAlgorithm uint32

// The algorithms.
const (
	IntegrityMerkle IntegrityAlgorithm = iota + 1 // msb-file-merkle-blake3-v1, of which holes cost nothing
	IntegritySparse                               // msb-sparse-sha256-v1, which microsandbox up to 0.6.8 reads
	IntegritySHA256                               // of the logical bytes
)

// SnapshotExportOptions configures [Snapshot].Export.
type SnapshotExportOptions struct {
	WithParents bool // the chain of parents too
	WithImage   bool // the image too, so that the receiver can boot without pulling it
	PlainTar    bool // .tar instead of .tar.zst
}

// SnapshotSaveOptions is the later name of [SnapshotExportOptions].
type SnapshotSaveOptions struct {
	WithParents bool
	WithImage   bool
	PlainTar    bool
}

// Create makes a snapshot of a sandbox that is stopped or crashed. It appears whole or not at all. It fails with
// ErrSandboxNotFound, ErrSnapshotSandboxRunning, and ErrSnapshotAlreadyExists unless Force is set.
func (SnapshotFactory) Create(ctx context.Context, sourceSandbox string, opts SnapshotCreateOptions) (*SnapshotArtifact, error) {
	client, err := clientOf(ctx)
	if err != nil {
		return nil, err
	}
	return artifact(client.CreateSnapshot(ctx, sourceSandbox, capi.SnapshotOptions(opts)))
}

// Convert makes a snapshot out of another one, with a descriptor in the form of other releases of microsandbox:
// manifest.json, which those up to 0.6.6 read, or snapshot.json, which 0.6.7 and later do. It has a digest of its own; what
// was there stays as it is. Its parent is called what that one's own conversion is called, so that a family can be
// converted in any order.
//
// It fails with ErrInvalidArgument when the snapshot has that form already, ErrSnapshotNotFound when it or its parent is not
// there, ErrSnapshotAlreadyExists unless Force is set, ErrSnapshotMigration when the other form has no place for what it says,
// and ErrSnapshotIntegrity when the disk is not what was recorded.
func (SnapshotFactory) Convert(ctx context.Context, pathOrName string, opts SnapshotConvertOptions) (*SnapshotArtifact, error) {
	client, err := clientOf(ctx)
	if err != nil {
		return nil, err
	}
	return artifact(client.ConvertSnapshot(ctx, pathOrName, capi.ConvertOptions{
		Form:               uint32(opts.Form),
		Name:               opts.Name,
		Path:               opts.Path,
		DestDir:            opts.DestDir,
		Force:              opts.Force,
		RecordIntegrity:    opts.RecordIntegrity || opts.IntegrityAlgorithm != 0,
		IntegrityAlgorithm: uint32(opts.IntegrityAlgorithm),
		DropParent:         opts.DropParent,
	}))
}

// Open opens a snapshot. It reads the descriptor and looks whether the disk is there; what the disk holds is for
// [SnapshotArtifact.Verify] to check.
func (SnapshotFactory) Open(ctx context.Context, pathOrName string) (*SnapshotArtifact, error) {
	client, err := clientOf(ctx)
	if err != nil {
		return nil, err
	}
	return artifact(client.OpenSnapshot(ctx, pathOrName))
}

// Get looks a snapshot up in the index, without touching its directory.
func (SnapshotFactory) Get(ctx context.Context, nameOrDigest string) (*SnapshotHandle, error) {
	client, err := clientOf(ctx)
	if err != nil {
		return nil, err
	}
	return snapshotHandle(client.GetSnapshot(ctx, nameOrDigest))
}

// List returns what the index knows, newest first; never nil.
func (SnapshotFactory) List(ctx context.Context) ([]*SnapshotHandle, error) {
	client, err := clientOf(ctx)
	if err != nil {
		return nil, err
	}
	list, err := client.ListSnapshots(ctx)
	if err != nil {
		return nil, wrap(err)
	}
	handles := make([]*SnapshotHandle, len(list))
	for i := range list {
		handles[i] = &SnapshotHandle{list[i]}
	}
	return handles, nil
}

// ListDir opens the snapshots directly under a directory, sorted by path; never nil. The index is neither asked nor
// changed. What is no snapshot, or a damaged one, is left out; a directory that does not exist has none.
func (SnapshotFactory) ListDir(ctx context.Context, dir string) ([]*SnapshotArtifact, error) {
	client, err := clientOf(ctx)
	if err != nil {
		return nil, err
	}
	list, err := client.ListSnapshotDir(ctx, dir)
	if err != nil {
		return nil, wrap(err)
	}
	artifacts := make([]*SnapshotArtifact, len(list))
	for i, info := range list {
		artifacts[i] = &SnapshotArtifact{*info}
	}
	return artifacts, nil
}

// Remove deletes a snapshot and its row of the index. While other snapshots name it as their parent it fails, unless force
// is set.
func (SnapshotFactory) Remove(ctx context.Context, pathOrName string, force bool) error {
	client, err := clientOf(ctx)
	if err != nil {
		return err
	}
	return wrap(client.RemoveSnapshot(ctx, pathOrName, force))
}

// Reindex brings the index in line with what is in a directory, "" for the snapshots directory, and returns how many
// snapshots are indexed there.
func (SnapshotFactory) Reindex(ctx context.Context, dir string) (uint32, error) {
	client, err := clientOf(ctx)
	if err != nil {
		return 0, err
	}
	indexed, err := client.ReindexSnapshots(ctx, dir)
	return indexed, wrap(err)
}

// Export verifies a snapshot and writes it as one archive. The file appears when it is whole, and replaces one that is
// there.
func (SnapshotFactory) Export(ctx context.Context, nameOrPath, outPath string, opts SnapshotExportOptions) error {
	client, err := clientOf(ctx)
	if err != nil {
		return err
	}
	return wrap(client.ExportSnapshot(ctx, nameOrPath, outPath, capi.ExportOptions(opts)))
}

// Import checks an archive and takes its snapshots into a directory, "" for the snapshots directory. Either all of them
// appear or none does. The result is the one that the others are parents of.
func (SnapshotFactory) Import(ctx context.Context, archive, dest string) (*SnapshotHandle, error) {
	client, err := clientOf(ctx)
	if err != nil {
		return nil, err
	}
	return snapshotHandle(client.ImportSnapshot(ctx, archive, dest))
}

// Save is the later name of Export.
func (f SnapshotFactory) Save(ctx context.Context, nameOrPath, outPath string, opts SnapshotSaveOptions) error {
	return f.Export(ctx, nameOrPath, outPath, SnapshotExportOptions(opts))
}

// Load is the later name of Import.
func (f SnapshotFactory) Load(ctx context.Context, archive, dest string) (*SnapshotHandle, error) {
	return f.Import(ctx, archive, dest)
}
