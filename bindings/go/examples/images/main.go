// Command images puts images into the cache, from archives or from their registries, tells how far it is, and lists what
// the cache has.
//
//	docker save -o app.tar demo/app:1 && go run ./examples/images app.tar alpine:3.20
//
// Ctrl-C stops it; nothing is left of an image that did not come whole.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"

	m "github.com/superradcompany/microsandbox/sdk/go"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, sources []string) error {
	watched := m.WithProgress(ctx, func(p m.Progress) {
		if p.TotalKnown {
			fmt.Fprintf(os.Stderr, "\r%s %d of %d MiB\033[K", p.Phase, p.Done>>20, p.Total>>20)
		}
	})
	for _, source := range sources {
		err := get(watched, source)
		fmt.Fprint(os.Stderr, "\r\033[K")
		if err != nil {
			return err
		}
	}
	images, err := m.Image.List(ctx)
	if err != nil {
		return err
	}
	for _, image := range images {
		detail, err := image.Inspect(ctx)
		if err != nil {
			return err
		}
		fmt.Printf("%s: %s/%s, %d layers", image.Reference(), image.OS(), image.Architecture(), image.LayerCount())
		if detail.Config != nil {
			fmt.Printf(", runs %q", append(detail.Config.Entrypoint, detail.Config.Cmd...))
		}
		fmt.Println()
	}
	return nil
}

// get loads a file that is there, and pulls anything else.
func get(ctx context.Context, source string) error {
	if _, err := os.Stat(source); err == nil {
		_, err := m.Image.Load(ctx, source)
		return err
	}
	_, err := m.Image.Pull(ctx, source)
	return err
}
