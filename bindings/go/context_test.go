package microsandbox_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	m "github.com/superradcompany/microsandbox/sdk/go"
)

// bigImage takes long enough to load that it can be stopped on the way.
func bigImage(t testing.TB) string {
	image := demoImage
	image.Random = 48 << 20
	return writeImage(t, image)
}

// atFirstBytes calls fn once, when bytes have been worked on.
func atFirstBytes(ctx context.Context, fn func()) context.Context {
	var once sync.Once
	return m.WithProgress(ctx, func(p m.Progress) {
		if p.Done > 0 {
			once.Do(fn)
		}
	})
}

func TestContextThatHasEnded(t *testing.T) {
	home, _ := newHome(t)
	ctx, cancel := context.WithCancel(home)
	cancel()
	_, err := m.Image.List(ctx)
	wantKind(t, err, m.ErrCancelled)
	if !errors.Is(err, context.Canceled) || err.Error() != "context canceled: context canceled" {
		t.Errorf("got %q", err)
	}
	ctx, cancel = context.WithDeadline(home, time.Now().Add(-time.Second))
	defer cancel()
	wantKind(t, m.Image.Remove(ctx, "demo/app:1", true), m.ErrCancelled)
	if _, err = m.Image.Prune(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// wantStopped cancels work that gets an image, amid its bytes: it ends soon, and leaves nothing.
func wantStopped(t *testing.T, work func(context.Context) error) {
	t.Helper()
	home, _ := newHome(t)
	ctx, cancel := context.WithCancel(home)
	defer cancel()
	var cancelled time.Time
	err := work(atFirstBytes(ctx, func() { cancelled = time.Now(); cancel() }))
	took := time.Since(cancelled)
	wantKind(t, err, m.ErrCancelled)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if limit := 50 * time.Millisecond * slowness; took > limit {
		t.Errorf("returned %v after it was cancelled, want at most %v", took, limit)
	}
	if images, err := m.Image.List(home); err != nil || len(images) != 0 {
		t.Errorf("%d images were left, %v", len(images), err)
	}
}

func TestCancelStopsTheWork(t *testing.T) {
	archive := bigImage(t)
	wantStopped(t, func(ctx context.Context) error {
		_, err := m.Image.Load(ctx, archive)
		return err
	})
}

func TestDeadlineStopsTheWork(t *testing.T) {
	home, _ := newHome(t)
	archive := bigImage(t)
	ctx, cancel := context.WithTimeout(home, 30*time.Millisecond)
	defer cancel()
	deadline, _ := ctx.Deadline()
	_, err := m.Image.Load(ctx, archive)
	if late, limit := time.Since(deadline), 50*time.Millisecond*slowness; late < 0 || late > limit {
		t.Errorf("returned %v after the deadline, want at most %v", late, limit)
	}
	wantKind(t, err, m.ErrCancelled)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestWorkThatIsDoneIsNotCancelled(t *testing.T) {
	home, _ := newHome(t)
	ctx, cancel := context.WithCancel(home)
	defer cancel()
	// The last event comes when the commit point has been passed.
	watched := m.WithProgress(ctx, func(p m.Progress) {
		if p.Phase == m.PhaseComplete {
			cancel()
		}
	})
	images, err := m.Image.Load(watched, writeImage(t, demoImage))
	if err != nil || len(images) != 1 {
		t.Errorf("got %d images, %v", len(images), err)
	}
}

func TestProgress(t *testing.T) {
	ctx, _ := newHome(t)
	var events []m.Progress
	_, err := m.Image.Load(m.WithProgress(ctx, func(p m.Progress) { events = append(events, p) }), writeImage(t, demoImage))
	if err != nil {
		t.Fatal(err)
	}
	if len(events) < 2 || events[len(events)-1].Phase != m.PhaseComplete {
		t.Fatalf("events: %+v", events)
	}
	for _, event := range events {
		if event.Phase.String() == "unknown" || event.TotalKnown && event.Done > event.Total {
			t.Errorf("event: %+v", event)
		}
	}
	for phase, name := range map[m.ProgressPhase]string{
		m.PhaseResolving: "resolving", m.PhaseMaterializing: "materializing", m.PhaseCopying: "copying",
		m.PhaseHashing: "hashing", m.PhaseIndexing: "indexing", m.PhaseComplete: "complete", 99: "unknown",
	} {
		if phase.String() != name {
			t.Errorf("phase %d is %q, want %q", phase, phase, name)
		}
	}
}

func TestPanicOfProgressReachesTheCaller(t *testing.T) {
	ctx, _ := newHome(t)
	archive := writeImage(t, demoImage)
	func() {
		defer func() {
			if got := recover(); got != "boom" {
				t.Errorf("recovered %v", got)
			}
		}()
		_, _ = m.Image.Load(m.WithProgress(ctx, func(m.Progress) { panic("boom") }), archive)
	}()
	if _, err := m.Image.Load(ctx, archive); err != nil {
		t.Errorf("the home is not usable afterwards: %v", err)
	}
}

func TestManyGoroutines(t *testing.T) {
	home, _ := newHome(t)
	image := loadDemo(t, home)
	var wait sync.WaitGroup
	for worker := 0; worker < 8; worker++ {
		wait.Add(1)
		go func(worker int) {
			defer wait.Done()
			for i := 0; i < 50; i++ {
				ctx, cancel := context.WithTimeout(home, time.Minute)
				if worker%2 == 1 && i%5 == 0 {
					go cancel() // races with the call; either outcome is right
				}
				detail, err := image.Inspect(ctx)
				if err != nil && !m.IsKind(err, m.ErrCancelled) || err == nil && len(detail.Layers) != 2 {
					t.Errorf("got %v, %v", detail, err)
				}
				cancel()
			}
		}(worker)
	}
	wait.Wait()
}

func TestCloseWhileInUse(t *testing.T) {
	ctx, client := newHome(t)
	loadDemo(t, ctx)
	var wait sync.WaitGroup
	for worker := 0; worker < 4; worker++ {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for {
				if _, err := m.Image.List(ctx); err != nil {
					wantKind(t, err, m.ErrInvalidHandle)
					return
				}
			}
		}()
	}
	time.Sleep(5 * time.Millisecond)
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	wait.Wait()
}
