package microsandbox_test

import (
	"context"
	"time"

	m "github.com/superradcompany/microsandbox/sdk/go"
)

// The operations on sandboxes and snapshots.
func init() {
	for name, perform := range map[string]operation{
		"sandbox.create": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			opts := []m.SandboxOption{m.WithLabels(a.labels()), m.WithoutBoot(), m.WithPullPolicy(m.PullPolicyNever)}
			if image := a.text("image"); image != "" {
				opts = append(opts, m.WithImage(image))
			}
			if snapshot := a.text("from_snapshot"); snapshot != "" {
				opts = append(opts, m.WithFromSnapshot(snapshot))
			}
			if a.flag("replace") {
				opts = append(opts, m.WithReplace())
			}
			if size := a.number("upper_size_mib"); size > 0 {
				opts = append(opts, m.WithOCIUpperSize(uint32(size)))
			}
			sandbox, err := m.CreateSandbox(ctx, a.text("name"), opts...)
			if err != nil {
				return nil, nil, err
			}
			handle, err := m.GetSandbox(ctx, sandbox.Name())
			return shownSandbox(handle), handle, err
		},
		"sandbox.get": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			handle, err := m.GetSandbox(ctx, a.text("name"))
			return shownSandbox(handle), handle, err
		},
		"sandbox.list": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			handles, err := m.ListSandboxesWith(ctx, m.NewSandboxFilter().WithLabels(a.labels()))
			shown := []interface{}{}
			for _, handle := range handles {
				shown = append(shown, shownSandbox(handle))
			}
			return shown, handles, err
		},
		"sandbox.remove": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			return nil, nil, m.RemoveSandbox(ctx, a.text("name"))
		},
		"sandbox.start": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			sandbox, err := m.StartSandbox(ctx, a.text("name"))
			return nil, sandbox, err
		},
		"sandbox.run": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			_, err := m.RunSandbox(ctx, a.text("name"), m.RunOptions{}, a.texts("command")...)
			return nil, nil, err
		},
		"sandbox_handle.stop": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			return nil, nil, a.on.(*m.SandboxHandle).Stop(ctx)
		},
		"sandbox_handle.kill": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			return nil, nil, a.on.(*m.SandboxHandle).Kill(ctx)
		},
		"sandbox_handle.connect": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			sandbox, err := a.on.(*m.SandboxHandle).Connect(ctx)
			return nil, sandbox, err
		},
		"sandbox_handle.wait": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			result, err := a.on.(*m.SandboxHandle).WaitUntilStopped(ctx)
			if err != nil {
				return nil, nil, err
			}
			return object{
				"name": result.Name, "status": result.Status, "exit_code": result.ExitCode, "signal": result.Signal,
			}, result, nil
		},
		"sandbox_handle.logs": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			source := map[string]m.OutputSource{
				"stdout": m.OutputStdout, "stderr": m.OutputStderr, "console": m.OutputConsole, "machine": m.OutputMachine,
			}[a.text("source")]
			said, err := a.on.(*m.SandboxHandle).Logs(ctx, m.LogOptions{Source: source})
			return string(said), nil, err
		},
		"sandbox_handle.snapshot": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			return snapshotResult(a.on.(*m.SandboxHandle).Snapshot(ctx, a.text("name")))
		},
		"sandbox_handle.snapshot_to": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			return snapshotResult(a.on.(*m.SandboxHandle).SnapshotTo(ctx, a.text("path")))
		},
		"snapshot.create": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			return snapshotResult(m.Snapshot.Create(ctx, a.text("source"), m.SnapshotCreateOptions{
				Name: a.text("name"), Path: a.text("path"), Labels: a.labels(), Force: a.flag("force"),
				RecordIntegrity: a.flag("record_integrity"),
			}))
		},
		"snapshot.convert": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			forms := map[string]m.Generation{"manifest.json": m.GenerationManifest, "snapshot.json": m.GenerationDescriptor}
			algorithms := map[string]m.IntegrityAlgorithm{
				"merkle": m.IntegrityMerkle, "sparse": m.IntegritySparse, "sha256": m.IntegritySHA256,
			}
			return snapshotResult(m.Snapshot.Convert(ctx, a.text("ref"), m.SnapshotConvertOptions{
				Form: forms[a.text("form")], Name: a.text("name"), Path: a.text("path"), DestDir: a.text("dest_dir"),
				Force: a.flag("force"), RecordIntegrity: a.flag("record_integrity"),
				IntegrityAlgorithm: algorithms[a.text("integrity_algorithm")], DropParent: a.flag("drop_parent"),
			}))
		},
		"home.inspect": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			report, err := m.Home.Inspect(ctx, m.ClientOptions{Home: a.text("home"), NewHomeRelease: a.text("release")})
			return shownReport(report), report, err
		},
		"snapshot.open": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			return snapshotResult(m.Snapshot.Open(ctx, a.text("ref")))
		},
		"snapshot.get": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			return handleResult(m.Snapshot.Get(ctx, a.text("ref")))
		},
		"snapshot.list": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			handles, err := m.Snapshot.List(ctx)
			shown := []interface{}{}
			for _, handle := range handles {
				shown = append(shown, shownHandle(handle))
			}
			return shown, handles, err
		},
		"snapshot.list_dir": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			snapshots, err := m.Snapshot.ListDir(ctx, a.text("dir"))
			shown := []interface{}{}
			for _, snapshot := range snapshots {
				shown = append(shown, shownSnapshot(snapshot))
			}
			return shown, snapshots, err
		},
		"snapshot.remove": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			return nil, nil, m.Snapshot.Remove(ctx, a.text("ref"), a.flag("force"))
		},
		"snapshot.reindex": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			indexed, err := m.Snapshot.Reindex(ctx, a.text("dir"))
			return indexed, nil, err
		},
		"snapshot.export": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			return nil, nil, m.Snapshot.Export(ctx, a.text("ref"), a.text("archive"), m.SnapshotExportOptions{
				WithParents: a.flag("with_parents"), WithImage: a.flag("with_image"), PlainTar: a.flag("plain_tar"),
			})
		},
		"snapshot.import": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			return handleResult(m.Snapshot.Import(ctx, a.text("archive"), a.text("dest")))
		},
		"snapshot.verify": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			report, err := a.on.(*m.SnapshotArtifact).Verify(ctx)
			if err != nil {
				return nil, nil, err
			}
			upper := object{"kind": report.Upper.Kind}
			if report.Upper.Algorithm != "" {
				upper["algorithm"], upper["digest"] = report.Upper.Algorithm, report.Upper.Digest
			}
			return object{"digest": report.Digest, "path": report.Path, "upper": upper}, report, nil
		},
		"snapshot_handle.open": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			return snapshotResult(a.on.(*m.SnapshotHandle).Open(ctx))
		},
		"snapshot_handle.remove": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			return nil, nil, a.on.(*m.SnapshotHandle).Remove(ctx, a.flag("force"))
		},
	} {
		operations[name] = perform
	}
}

func snapshotResult(snapshot *m.SnapshotArtifact, err error) (interface{}, interface{}, error) {
	if err != nil {
		return nil, nil, err
	}
	return shownSnapshot(snapshot), snapshot, nil
}

func handleResult(handle *m.SnapshotHandle, err error) (interface{}, interface{}, error) {
	if err != nil {
		return nil, nil, err
	}
	return shownHandle(handle), handle, nil
}

func shownReport(report *m.HomeReport) interface{} {
	if report == nil {
		return nil
	}
	problems := []interface{}{}
	for _, problem := range report.Problems {
		problems = append(problems, object{
			"kind":    problem.Kind.String(),
			"subject": problem.Subject,
			"path":    absent(problem.Path),
			"message": problem.Message,
		})
	}
	return object{
		"home":              report.Home,
		"database":          report.Database,
		"state":             report.State.String(),
		"generation":        report.Generation.String(),
		"writes":            report.Writes.String(),
		"obstacle":          absent(report.Obstacle),
		"schema":            absent(report.Schema),
		"last_migration":    absent(report.LastMigration),
		"migrations":        report.Migrations,
		"oldest_release":    absent(report.OldestRelease),
		"newest_release":    absent(report.NewestRelease),
		"images":            report.Images,
		"sandboxes":         report.Sandboxes,
		"running":           report.Running,
		"indexed_snapshots": report.IndexedSnapshots,
		"snapshots":         report.Snapshots,
		"problems":          problems,
	}
}

func shownSandbox(handle *m.SandboxHandle) interface{} {
	if handle == nil {
		return nil
	}
	return object{
		"name":          handle.Name(),
		"status":        handle.Status(),
		"created_at_ms": milliseconds(handle.CreatedAt()),
		"updated_at_ms": milliseconds(handle.UpdatedAt()),
	}
}

func shownSnapshot(snapshot *m.SnapshotArtifact) interface{} {
	shown := object{
		"path":                  snapshot.Path(),
		"digest":                snapshot.Digest(),
		"size_bytes":            snapshot.SizeBytes(),
		"image_ref":             snapshot.ImageRef(),
		"image_manifest_digest": snapshot.ImageManifestDigest(),
		"format":                snapshot.Format(),
		"fstype":                snapshot.Fstype(),
		"parent":                snapshot.Parent(),
		"created_at_ms":         nil,
		"labels":                snapshot.Labels(),
		"source_sandbox":        snapshot.SourceSandbox(),
	}
	if at, err := time.Parse(time.RFC3339Nano, snapshot.CreatedAt()); err == nil {
		shown["created_at_ms"] = milliseconds(at)
	}
	return shown
}

func shownHandle(handle *m.SnapshotHandle) interface{} {
	return object{
		"digest":        handle.Digest(),
		"name":          handle.Name(),
		"parent_digest": handle.ParentDigest(),
		"image_ref":     handle.ImageRef(),
		"format":        handle.Format(),
		"size_bytes":    handle.SizeBytes(),
		"created_at_ms": milliseconds(handle.CreatedAt()),
		"path":          handle.Path(),
	}
}
