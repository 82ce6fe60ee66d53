package microsandbox_test

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

// exampleArchive is an image as `docker save` writes it, demo/app:1 with two layers.
func exampleArchive() string {
	path := filepath.Join(os.Getenv("MSB_HOME"), "..", "app.tar")
	if err := demoImage.Write(path); err != nil {
		log.Fatal(err)
	}
	return path
}

// Prepare a sandbox once, keep it as a snapshot, and make others from that.
func Example() {
	ctx := context.Background()
	if _, err := m.Image.Load(ctx, exampleArchive()); err != nil {
		log.Fatal(err)
	}
	sandbox, err := m.CreateSandbox(ctx, "baseline", m.WithImage("demo/app:1"), m.WithoutBoot())
	if err != nil {
		log.Fatal(err)
	}
	defer sandbox.Close()

	snapshot, err := m.Snapshot.Create(ctx, "baseline", m.SnapshotCreateOptions{
		Name:            "after-pip-install",
		RecordIntegrity: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	worker, err := m.CreateSandbox(ctx, "worker", m.WithSnapshot("after-pip-install"), m.WithoutBoot())
	if err != nil {
		log.Fatal(err)
	}
	defer worker.Close()

	report, err := snapshot.Verify(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(worker.Name(), "was made from a snapshot that is", report.Upper.Kind)
	// Output: worker was made from a snapshot that is verified
}

// Load an archive, look at the image, and free what nothing needs.
func Example_images() {
	ctx := context.Background()
	if _, err := m.Image.Load(ctx, exampleArchive(), "local/app:latest"); err != nil {
		log.Fatal(err)
	}
	detail, err := m.Image.Inspect(ctx, "local/app:latest")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(detail.Config.Cmd, len(detail.Layers), "layers")

	if err := detail.Remove(ctx, false); err != nil {
		log.Fatal(err)
	}
	if _, err := m.Image.Prune(ctx); err != nil {
		log.Fatal(err)
	}
	// Output: [/bin/app] 2 layers
}

// A failure has a kind, a message that names the subject, and facts.
func Example_errors() {
	_, err := m.Image.Get(context.Background(), "alpine:3.20")
	var failure *m.Error
	fmt.Println(err)
	fmt.Println(m.IsKind(err, m.ErrImageNotFound), errors.Is(err, fs.ErrNotExist))
	fmt.Println(errors.As(err, &failure), failure.Kind, failure.Code())
	// Output:
	// image not found: alpine:3.20
	// true true
	// true ImageNotFound image_not_found
}

// A context that ends stops the work, and nothing of it is left. With signal.NotifyContext, that is Ctrl-C.
func Example_cancellation() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stopped := m.WithProgress(ctx, func(p m.Progress) { cancel() })
	_, err := m.Image.Load(stopped, exampleArchive(), "local/never:1")
	fmt.Println(m.IsKind(err, m.ErrCancelled), errors.Is(err, context.Canceled))

	_, err = m.Image.Get(context.Background(), "local/never:1")
	fmt.Println(m.IsKind(err, m.ErrImageNotFound))
	// Output:
	// true true
	// true
}

// Progress is asked for with the context.
func ExampleWithProgress() {
	last := m.Progress{}
	ctx := m.WithProgress(context.Background(), func(p m.Progress) { last = p })
	if _, err := m.Image.Load(ctx, exampleArchive()); err != nil {
		log.Fatal(err)
	}
	fmt.Println(last.Phase)
	// Output: complete
}

// A program that works with several homes opens them, and says with the context which one it means.
func ExampleOpenClient() {
	client, err := m.OpenClient(m.ClientOptions{Home: filepath.Join(os.Getenv("MSB_HOME"), "..", "other")})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	images, err := m.Image.List(m.WithClient(context.Background(), client))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(images), "images")
	// Output: 0 images
}
