// Command move carries a snapshot from the default home to another one, with its parents and its image, so that it can be
// booted there without a registry.
//
//	go run ./examples/move after-pip-install /srv/other-home
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"

	m "github.com/superradcompany/microsandbox/sdk/go"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: move SNAPSHOT HOME")
	}
	err := run(context.Background(), os.Args[1], os.Args[2])
	switch {
	case errors.Is(err, m.ErrSnapshotNotFound):
		log.Fatalf("there is no snapshot %s", os.Args[1])
	case errors.Is(err, fs.ErrExist):
		log.Fatalf("%s has it already", os.Args[2])
	case err != nil:
		log.Fatal(err)
	}
}

func run(ctx context.Context, snapshot, dir string) error {
	work, err := os.MkdirTemp("", "move-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	archive := filepath.Join(work, "snapshot.tar.zst")
	options := m.SnapshotExportOptions{WithParents: true, WithImage: true}
	if err := m.Snapshot.Export(ctx, snapshot, archive, options); err != nil {
		return err
	}

	client, err := m.OpenClient(m.ClientOptions{Home: dir})
	if err != nil {
		return err
	}
	defer client.Close()
	imported, err := m.Snapshot.Import(m.WithClient(ctx, client), archive, "")
	if err != nil {
		return err
	}
	fmt.Println("moved", imported.ImageRef())
	return nil
}
