// Package testimage makes image archives for tests and examples.
package testimage

import (
	"archive/tar"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"sort"
)

// An Image is written as `docker save` would write it. The same image makes the same bytes.
type Image struct {
	Reference string
	Files     []map[string]string // content by path: one map for each layer, bottom first
	Random    int64               // bytes of noise in a layer on top, for work that takes a while
	Config    map[string]interface{}
}

// Write writes the archive.
func (image Image) Write(path string) error {
	var layers [][]byte
	for _, files := range image.Files {
		layers = append(layers, layer(files))
	}
	if image.Random > 0 {
		layers = append(layers, layer(map[string]string{"noise": string(Noise(image.Random))}))
	}

	archive := newArchive()
	names, diffIDs := []string{}, []string{}
	for _, content := range layers {
		digest := sum(content)
		names, diffIDs = append(names, digest+"/layer.tar"), append(diffIDs, "sha256:"+digest)
		archive.add(digest+"/layer.tar", content)
	}
	config := marshal(map[string]interface{}{
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"config":       image.Config,
		"rootfs":       map[string]interface{}{"type": "layers", "diff_ids": diffIDs},
	})
	archive.add(sum(config)+".json", config)
	archive.add("manifest.json", marshal([]interface{}{map[string]interface{}{
		"Config": sum(config) + ".json", "RepoTags": []string{image.Reference}, "Layers": names,
	}}))
	return os.WriteFile(path, archive.close(), 0o600)
}

// Noise is bytes that do not compress, the same each time. A cipher makes them: it is quick under the race detector too.
func Noise(size int64) []byte {
	block, err := aes.NewCipher(make([]byte, 16))
	must(err)
	noise := make([]byte, size)
	cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(noise, noise)
	return noise
}

type archive struct {
	buffer bytes.Buffer
	writer *tar.Writer
}

func newArchive() *archive {
	a := &archive{}
	a.writer = tar.NewWriter(&a.buffer)
	return a
}

func (a *archive) add(name string, content []byte) {
	must(a.writer.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}))
	_, err := a.writer.Write(content)
	must(err)
}

func (a *archive) close() []byte {
	must(a.writer.Close())
	return a.buffer.Bytes()
}

func layer(files map[string]string) []byte {
	a := newArchive()
	for _, name := range sorted(files) {
		a.add(name, []byte(files[name]))
	}
	return a.close()
}

func sorted(files map[string]string) []string {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func sum(content []byte) string { return fmt.Sprintf("%x", sha256.Sum256(content)) }

func marshal(v interface{}) []byte {
	text, err := json.Marshal(v)
	must(err)
	return text
}

// must is for what cannot fail on values and buffers of our own.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
