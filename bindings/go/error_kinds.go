package microsandbox

import "github.com/superradcompany/microsandbox/sdk/go/internal/capi"

// ErrorKind says what went wrong, by what a caller can do about it. Ask for one with [IsKind]; errors.Is takes kinds too.
//
// Some kinds belong to what `msb` can do in a machine that runs, and are here so that programs which name them compile.
type ErrorKind int

// The kinds of [Error]. Their numbers do not change.
const (
	ErrUnknown ErrorKind = iota
	ErrSandboxNotFound
	ErrSandboxNotRunning
	ErrSandboxAlreadyExists
	ErrSandboxStillRunning
	ErrVolumeNotFound
	ErrVolumeAlreadyExists
	ErrExecTimeout
	ErrExecFailed
	ErrFilesystem
	ErrPathNotFound
	ErrImageNotFound
	ErrImageInUse
	ErrImagePullFailed
	ErrSnapshotNotFound
	ErrSnapshotAlreadyExists
	ErrSnapshotSandboxRunning
	ErrSnapshotImageMissing
	ErrSnapshotIntegrity
	ErrPatchFailed
	ErrNetworkPolicy
	ErrSecretViolation
	ErrTLS
	ErrIO
	ErrInvalidConfig
	ErrInvalidArgument
	ErrInvalidHandle
	ErrBufferTooSmall
	ErrCancelled
	ErrLibraryNotLoaded
	ErrMetricsDisabled
	ErrMetricsUnavailable
	ErrUnsupportedOperation
	ErrInternal
	ErrSnapshotMigration
	ErrNoDefaultCommand
	ErrSnapshotHasChildren // ErrInternal to errors.Is and IsKind too, as the next
	ErrSnapshotArchive
)

// Names of the kinds: those of the constants without Err, and those by which the library calls them.
var kindNames = [...]string{
	ErrUnknown:                "Unknown",
	ErrSandboxNotFound:        "SandboxNotFound",
	ErrSandboxNotRunning:      "SandboxNotRunning",
	ErrSandboxAlreadyExists:   "SandboxAlreadyExists",
	ErrSandboxStillRunning:    "SandboxStillRunning",
	ErrVolumeNotFound:         "VolumeNotFound",
	ErrVolumeAlreadyExists:    "VolumeAlreadyExists",
	ErrExecTimeout:            "ExecTimeout",
	ErrExecFailed:             "ExecFailed",
	ErrFilesystem:             "Filesystem",
	ErrPathNotFound:           "PathNotFound",
	ErrImageNotFound:          "ImageNotFound",
	ErrImageInUse:             "ImageInUse",
	ErrImagePullFailed:        "ImagePullFailed",
	ErrSnapshotNotFound:       "SnapshotNotFound",
	ErrSnapshotAlreadyExists:  "SnapshotAlreadyExists",
	ErrSnapshotSandboxRunning: "SnapshotSandboxRunning",
	ErrSnapshotImageMissing:   "SnapshotImageMissing",
	ErrSnapshotIntegrity:      "SnapshotIntegrity",
	ErrPatchFailed:            "PatchFailed",
	ErrNetworkPolicy:          "NetworkPolicy",
	ErrSecretViolation:        "SecretViolation",
	ErrTLS:                    "TLS",
	ErrIO:                     "IO",
	ErrInvalidConfig:          "InvalidConfig",
	ErrInvalidArgument:        "InvalidArgument",
	ErrInvalidHandle:          "InvalidHandle",
	ErrBufferTooSmall:         "BufferTooSmall",
	ErrCancelled:              "Cancelled",
	ErrLibraryNotLoaded:       "LibraryNotLoaded",
	ErrMetricsDisabled:        "MetricsDisabled",
	ErrMetricsUnavailable:     "MetricsUnavailable",
	ErrUnsupportedOperation:   "UnsupportedOperation",
	ErrInternal:               "Internal",
	ErrSnapshotMigration:      "SnapshotMigration",
	ErrNoDefaultCommand:       "NoDefaultCommand",
	ErrSnapshotHasChildren:    "SnapshotHasChildren",
	ErrSnapshotArchive:        "SnapshotArchive",
}

// String is the name of the constant without Err, and "Unknown" for other values.
func (k ErrorKind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return kindNames[ErrUnknown]
	}
	return kindNames[k]
}

// Error makes a kind a target for errors.Is. Functions never return a bare kind.
func (k ErrorKind) Error() string { return k.String() }

// is tells whether a kind is another one, or was called so before it had a name of its own.
func (k ErrorKind) is(other ErrorKind) bool {
	return k == other || other == ErrInternal && (k == ErrSnapshotHasChildren || k == ErrSnapshotArchive)
}

// kindOf asks the library for the kind of a status: the table is its own.
func kindOf(status capi.Status) ErrorKind {
	name := status.Name()
	for kind, known := range kindNames {
		if known == name {
			return ErrorKind(kind)
		}
	}
	return ErrUnknown
}
