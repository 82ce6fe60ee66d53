package microsandbox

import (
	"context"

	"github.com/superradcompany/microsandbox/sdk/go/internal/capi"
)

// Home tells what homes are, without opening them.
// What it can do are the methods of [HomeFactory].
var Home HomeFactory

// HomeFactory has the functions of [Home].
type HomeFactory struct{}

// HomeReport says what a home is, who can use it, what of it can be written, and what is wrong with it. Text that is
// absent is "".
type HomeReport struct {
	Home          string
	Database      string // the index, be it there or not
	State         HomeState
	Generation    Generation
	Writes        HomeWrites
	Obstacle      string // why not everything can be written; "" when it can
	Schema        string // "microsandbox 0.6.14 (23 migrations)"; "" without an index that can be read, like the next
	LastMigration string // its id; of a later release the one that is not known
	Migrations    uint32 // of microsandbox, that the index has been through
	OldestRelease string // first that opens it: older ones refuse; "" when not known. Without an index, what would be made.
	NewestRelease string // last that leaves it as it is: later ones upgrade it; "" when not known

	Images           uint64 // references in the index
	Sandboxes        uint64
	Running          uint64 // sandboxes whose machine lives
	IndexedSnapshots uint64 // in the index
	Snapshots        uint64 // in the snapshots directory, and readable

	Problems []HomeProblem // never nil
}

// HomeProblem is something wrong with a home. `msbctl check --repair` puts many right.
type HomeProblem struct {
	Kind    ProblemKind
	Subject string // reference, digest or file it is about
	Path    string // the file; "" when it is a row
	Message string // one line that says what is wrong and what to do
}

// HomeState is what a home is.
type HomeState uint32

// The states of a home.
const (
	HomeMissing    HomeState = iota + 1
	HomeEmpty                // without an index: opening it makes it a home
	HomeReady                // of a release whose index this library writes
	HomeForeign              // its index can be read, and must not be written: newer than known, much older, or half upgraded
	HomeUnreadable           // its index cannot be read
)

// String is the state in lower case, "ready".
func (s HomeState) String() string {
	return wordFor(uint32(s), "unknown", "", "missing", "empty", "ready", "foreign", "unreadable")
}

// Generation is a line of releases of microsandbox, told apart by how they describe snapshots.
type Generation uint32

// The generations.
const (
	GenerationNone       Generation = iota // there is no index
	GenerationManifest                     // up to 0.6.6: manifest.json
	GenerationDescriptor                   // 0.6.7 to 0.6.18: snapshot.json
	GenerationGroups                       // 0.7: groups of snapshots
	GenerationUnknown
)

// String is the file that describes a snapshot, "manifest.json" or "snapshot.json", else "groups", "none" or "unknown".
func (g Generation) String() string {
	return wordFor(uint32(g), "unknown", "none", "manifest.json", "snapshot.json", "groups")
}

// HomeWrites is what can be written in a home.
type HomeWrites uint32

// What can be written.
const (
	WritesNothing HomeWrites = iota
	WritesFiles              // its directories let us, but no row of the index may be written
	WritesEverything
)

// String is one word, "everything".
func (w HomeWrites) String() string {
	return wordFor(uint32(w), "unknown", "nothing", "files", "everything")
}

// ProblemKind is what is wrong.
type ProblemKind uint32

// The kinds of problems.
const (
	ProblemLayerCorrupt    ProblemKind = iota + 1
	ProblemLayerMissing                // load or pull the image again
	ProblemFsmetaInvalid               // missing or damaged; can be made again
	ProblemVMDKInvalid                 // missing or pointing elsewhere; can be made again
	ProblemMetadataInvalid             // the manifest document of a reference is missing or malformed
	ProblemOrphan                      // a file or row that nothing refers to
	ProblemLeftover                    // remains of a process that died
	ProblemRecipeInvalid               // the record that proves a layer is damaged; the layer may still be good
	ProblemSnapshotDamaged             // a descriptor or disk is not what it should be
	ProblemIndexStale                  // the index and the snapshots on disk differ
	ProblemIndexDamaged                // the index cannot be read, or not all of it
	ProblemHomeReserved                // an installation or upgrade of microsandbox keeps everybody else out
	ProblemNotTranslated               // a snapshot that the owner of the home cannot read; opening the home translates it
	ProblemStatusStale                 // what is recorded of a sandbox is not so
)

// String is the kind in snake case, "index_damaged"; "other" for one of a later library.
func (k ProblemKind) String() string {
	return wordFor(uint32(k), "other", "", "layer_corrupt", "layer_missing", "fsmeta_invalid", "vmdk_invalid",
		"metadata_invalid", "orphan", "leftover", "recipe_invalid", "snapshot_damaged", "index_stale", "index_damaged",
		"home_reserved", "not_translated", "status_stale")
}

// Inspect tells what a home is, and changes nothing at all. It works where [OpenClient] does not: on a home that is missing,
// damaged, read-only, or newer than known. Of the options those count that say where it is, BusyTimeout and
// NewHomeRelease; the zero value is the default home, whatever client the context has.
//
// What is wrong with a home is in the report. Inspect itself fails with ErrInvalidArgument, ErrInvalidConfig when the
// config.json of the home is malformed, ErrIO and ErrCancelled.
func (HomeFactory) Inspect(ctx context.Context, options ClientOptions) (*HomeReport, error) {
	report, err := capi.InspectHome(ctx, options.native())
	if err != nil {
		return nil, wrap(err)
	}
	problems := make([]HomeProblem, len(report.Problems))
	for i, problem := range report.Problems {
		problems[i] = HomeProblem{ProblemKind(problem.Kind), problem.Subject, problem.Path, problem.Message}
	}
	return &HomeReport{
		Home:             report.Home,
		Database:         report.Database,
		State:            HomeState(report.State),
		Generation:       Generation(report.Generation),
		Writes:           HomeWrites(report.Writes),
		Obstacle:         report.Obstacle,
		Schema:           report.Schema,
		LastMigration:    report.LastMigration,
		Migrations:       report.Migrations,
		OldestRelease:    report.OldestRelease,
		NewestRelease:    report.NewestRelease,
		Images:           report.Images,
		Sandboxes:        report.Sandboxes,
		Running:          report.Running,
		IndexedSnapshots: report.IndexedSnapshots,
		Snapshots:        report.Snapshots,
		Problems:         problems,
	}, nil
}

// wordFor is other for a value that has no word, as one of a later library.
func wordFor(value uint32, other string, words ...string) string {
	if int(value) >= len(words) || words[value] == "" {
		return other
	}
	return words[value]
}
