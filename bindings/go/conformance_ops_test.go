package microsandbox_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	m "github.com/superradcompany/microsandbox/sdk/go"
)

// conformanceArgs reads the arguments of a step. What is left out or null is the zero value, as it is in Go.
type conformanceArgs struct {
	values map[string]interface{}
	on     interface{} // what the operation is a method of
}

func (a conformanceArgs) text(key string) string {
	text, _ := a.values[key].(string)
	return text
}

func (a conformanceArgs) flag(key string) bool {
	flag, _ := a.values[key].(bool)
	return flag
}

func (a conformanceArgs) number(key string) uint64 {
	value := a.values[key]
	if exact, ok := value.(map[string]interface{}); ok {
		value = json.Number(exact["$int"].(string))
	}
	number, _ := value.(json.Number)
	n, _ := strconv.ParseUint(number.String(), 10, 64)
	return n
}

func (a conformanceArgs) texts(key string) []string {
	var texts []string
	list, _ := a.values[key].([]interface{})
	for _, text := range list {
		texts = append(texts, text.(string))
	}
	return texts
}

func (a conformanceArgs) labels() map[string]string {
	labels := map[string]string{}
	values, _ := a.values["labels"].(map[string]interface{})
	for key, value := range values {
		labels[key] = value.(string)
	}
	return labels
}

type object map[string]interface{}

// operation performs a step: the result as the cases write it, the live object, and the failure.
type operation func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error)

var operations map[string]operation

func init() {
	operations = map[string]operation{
		"image.load": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			var tags []string
			if tag := a.text("tag"); tag != "" {
				tags = append(tags, tag)
			}
			images, err := m.Image.Load(ctx, a.text("archive"), tags...)
			return shownImages(images), images, err
		},
		"image.save": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			format := m.ImageArchiveFormat(a.text("format"))
			return nil, nil, m.Image.Save(ctx, a.texts("references"), a.text("archive"), format)
		},
		"image.get": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			image, err := m.Image.Get(ctx, a.text("reference"))
			return shownImage(image), image, err
		},
		"image.list": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			images, err := m.Image.List(ctx)
			return shownImages(images), images, err
		},
		"image.inspect": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			detail, err := m.Image.Inspect(ctx, a.text("reference"))
			return shownDetail(detail), detail, err
		},
		"image.remove": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			return nil, nil, m.Image.Remove(ctx, a.text("reference"), a.flag("force"))
		},
		"image.prune": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			report, err := m.Image.Prune(ctx)
			return shownPrune(report), report, err
		},
		"image.pull": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			pulled, err := m.Image.Pull(ctx, a.text("reference"), m.WithPolicy(m.PullPolicy(a.text("policy"))))
			return shownPull(pulled), pulled, err
		},
		"image_handle.inspect": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			detail, err := a.on.(*m.ImageHandle).Inspect(ctx)
			return shownDetail(detail), detail, err
		},
		"image_handle.remove": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			return nil, nil, a.on.(*m.ImageHandle).Remove(ctx, a.flag("force"))
		},
		"run": func(ctx context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			argv := a.texts("argv")
			out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
			if err != nil {
				err = fmt.Errorf("%q: %w: %s", argv, err, out)
			}
			return nil, nil, err
		},
		"write": func(_ context.Context, a conformanceArgs) (interface{}, interface{}, error) {
			return nil, nil, os.WriteFile(a.text("path"), []byte(a.text("text")), 0o600)
		},
	}
}

func shownImages(images []*m.ImageHandle) interface{} {
	shown := []interface{}{}
	for _, image := range images {
		shown = append(shown, shownImage(image))
	}
	return shown
}

func shownImage(image *m.ImageHandle) interface{} {
	if image == nil {
		return nil
	}
	return object{
		"reference":       image.Reference(),
		"manifest_digest": absent(image.ManifestDigest()),
		"architecture":    absent(image.Architecture()),
		"os":              absent(image.OS()),
		"layer_count":     image.LayerCount(),
		"size_bytes":      image.SizeBytes(),
		"created_at_ms":   milliseconds(image.CreatedAt()),
		"last_used_at_ms": milliseconds(image.LastUsedAt()),
	}
}

func shownDetail(detail *m.ImageDetail) interface{} {
	if detail == nil {
		return nil
	}
	layers := []interface{}{}
	for _, layer := range detail.Layers {
		layers = append(layers, object{
			"diff_id":               layer.DiffID,
			"blob_digest":           layer.BlobDigest,
			"media_type":            absent(layer.MediaType),
			"compressed_size_bytes": layer.CompressedSizeBytes,
			"erofs_size_bytes":      layer.ErofsSizeBytes,
			"position":              layer.Position,
		})
	}
	shown := object{"handle": shownImage(detail.ImageHandle), "config": nil, "layers": layers}
	if config := detail.Config; config != nil {
		labels := config.Labels
		if labels == nil {
			labels = map[string]string{}
		}
		shown["config"] = object{
			"digest":      config.Digest,
			"env":         config.Env,
			"cmd":         config.Cmd,
			"entrypoint":  config.Entrypoint,
			"working_dir": absent(config.WorkingDir),
			"user":        absent(config.User),
			"labels":      labels,
			"stop_signal": absent(config.StopSignal),
		}
	}
	return shown
}

func shownPrune(report *m.ImagePruneReport) interface{} {
	if report == nil {
		return nil
	}
	return object{
		"image_refs_removed": report.ImageRefsRemoved,
		"manifests_removed":  report.ManifestsRemoved,
		"layers_removed":     report.LayersRemoved,
		"fsmeta_removed":     report.FsmetaRemoved,
		"vmdk_removed":       report.VMDKRemoved,
		"bytes_reclaimed":    report.BytesReclaimed,
	}
}

func shownPull(pulled *m.ImagePull) interface{} {
	if pulled == nil {
		return nil
	}
	return object{
		"handle":         shownImage(pulled.ImageHandle),
		"cached":         pulled.Cached,
		"fell_back":      pulled.FellBack,
		"layers_fetched": pulled.LayersFetched,
		"layers_skipped": pulled.LayersSkipped,
		"bytes_fetched":  pulled.BytesFetched,
	}
}

// absent is what the cases call text that Go shows as "".
func absent(text string) interface{} {
	if text == "" {
		return nil
	}
	return text
}

func milliseconds(at time.Time) interface{} {
	if at.IsZero() {
		return nil
	}
	return at.UnixNano() / int64(time.Millisecond)
}
