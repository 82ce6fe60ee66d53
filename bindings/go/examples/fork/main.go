// Command fork prepares one sandbox, takes a snapshot of it, and makes workers from that: install once, fork many times.
// Where the file system shares blocks between copies, a worker costs neither time nor space.
//
//	go run ./examples/fork alpine:3.20 3
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"

	m "github.com/superradcompany/microsandbox/sdk/go"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: fork IMAGE WORKERS")
	}
	workers, err := strconv.Atoi(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	if err := run(context.Background(), os.Args[1], workers); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, image string, workers int) error {
	// `msb start template` would boot it here, and whatever is installed would be part of the snapshot.
	template, err := m.CreateSandbox(ctx, "template", m.WithImage(image), m.WithReplace())
	if err != nil {
		return err
	}
	defer template.Close()

	snapshot, err := m.Snapshot.Create(ctx, template.Name(), m.SnapshotCreateOptions{
		Name:            "template",
		Labels:          map[string]string{"made-by": "fork"},
		Force:           true,
		RecordIntegrity: true,
	})
	if err != nil {
		return err
	}
	report, err := snapshot.Verify(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("snapshot of %s is %s\n", *snapshot.SourceSandbox(), report.Upper.Kind)

	for i := 1; i <= workers; i++ {
		worker, err := m.CreateSandbox(ctx, fmt.Sprintf("worker-%d", i),
			m.WithSnapshot("template"), m.WithLabel("role", "worker"), m.WithReplace())
		if err != nil {
			return err
		}
		if err := worker.Close(); err != nil {
			return err
		}
	}
	made, err := m.ListSandboxesWith(ctx, m.NewSandboxFilter().WithLabels(map[string]string{"role": "worker"}))
	if err != nil {
		return err
	}
	fmt.Println(len(made), "workers")
	return nil
}
