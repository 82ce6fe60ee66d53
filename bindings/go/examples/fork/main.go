// Command fork prepares one sandbox, takes a snapshot of it, and makes workers from that: install once, fork many times.
// Where the file system shares blocks between copies, a worker costs neither time nor space. What is to be installed is a
// command that runs in the first one; without it nothing is booted.
//
//	go run ./examples/fork python:3.12 3 pip install numpy
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
	if len(os.Args) < 3 {
		log.Fatal("usage: fork IMAGE WORKERS [COMMAND...]")
	}
	workers, err := strconv.Atoi(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	if err := run(context.Background(), os.Args[1], workers, os.Args[3:]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, image string, workers int, command []string) error {
	template, err := m.CreateSandbox(ctx, "template", m.WithImage(image), m.WithReplace(), m.WithoutBoot())
	if err != nil {
		return err
	}
	if len(command) > 0 {
		if err := install(ctx, template.Name(), command); err != nil {
			return err
		}
	}

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
		_, err := m.CreateSandbox(ctx, fmt.Sprintf("worker-%d", i),
			m.WithSnapshot("template"), m.WithLabel("role", "worker"), m.WithReplace(), m.WithoutBoot())
		if err != nil {
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

// install runs a command in a sandbox and passes its output on.
func install(ctx context.Context, sandbox string, command []string) error {
	options := m.RunOptions{Network: true, Output: func(source m.OutputSource, bytes []byte) { os.Stderr.Write(bytes) }}
	result, err := m.RunSandbox(ctx, sandbox, options, command...)
	if err != nil {
		return err
	}
	if result.ExitCode != 0 {
		return fmt.Errorf("%q ended with %d", command, result.ExitCode)
	}
	return nil
}
