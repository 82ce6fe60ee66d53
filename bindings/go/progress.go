package microsandbox

import (
	"context"

	"github.com/superradcompany/microsandbox/sdk/go/internal/capi"
)

// Progress says where a call stands.
type Progress struct {
	Phase      ProgressPhase
	Item       string // what is worked on, a reference, digest or path; "" when there is no one thing
	Index      int    // position of Item, from 0
	Count      int    // number of items; 0 when unknown
	Done       uint64 // bytes; items in PhaseIndexing
	Total      uint64 // in the unit of Done
	TotalKnown bool   // whether Total means anything
}

// ProgressPhase is a step of long work.
type ProgressPhase uint32

// The phases. A call goes through those that it needs; PhaseComplete is the last event of one that succeeds.
const (
	PhaseResolving ProgressPhase = iota + 1
	PhaseResolved
	PhaseDownloading
	PhaseVerifying
	PhaseMaterializing
	PhaseWriting
	PhaseMerging
	PhaseCopying
	PhaseHashing
	PhasePacking
	PhaseUnpacking
	PhaseInstalling
	PhaseIndexing
	PhaseComplete
)

// String is the phase in lower case, "copying".
func (p ProgressPhase) String() string { return capi.PhaseName(uint32(p)) }

// partOf is the context of a step of a call that does more: it is not complete yet.
func partOf(ctx context.Context) context.Context {
	return capi.FilterProgress(ctx, func(event capi.Event) bool { return ProgressPhase(event.Phase) != PhaseComplete })
}

// WithProgress makes calls with the context tell how far they are. They call report on the goroutine that made the call,
// at most twenty times a second and at every change of phase. report must not itself use this package.
func WithProgress(ctx context.Context, report func(Progress)) context.Context {
	return capi.WithProgress(ctx, func(event capi.Event) {
		report(Progress{
			Phase:      ProgressPhase(event.Phase),
			Item:       event.Item,
			Index:      int(event.Index),
			Count:      int(event.Count),
			Done:       event.Done,
			Total:      event.Total,
			TotalKnown: event.TotalKnown,
		})
	})
}
