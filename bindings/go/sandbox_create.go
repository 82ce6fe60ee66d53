package microsandbox

import (
	"context"

	"github.com/superradcompany/microsandbox/sdk/go/internal/capi"
)

// create makes record and disk. What is in the way and may be put out of it, is, each once: an image that is not cached is
// pulled, a sandbox that is to be replaced is stopped.
func (c *SandboxConfig) create(ctx context.Context, client *capi.Client, name string) error {
	native, err := c.native()
	if err != nil {
		return err
	}
	if !c.NoBoot {
		ctx = partOf(ctx)
	}
	if c.PullPolicy == PullPolicyAlways && c.Image != "" {
		if err := c.pull(ctx, client, c.Image); err != nil {
			return err
		}
	}
	mayPull, mayStop := c.PullPolicy != PullPolicyNever, c.Replace
	for {
		err := client.CreateSandbox(ctx, name, native)
		switch status := capi.StatusOf(err); {
		case mayPull && status == capi.ImageNotFound:
			mayPull = false
			err = c.pull(ctx, client, c.Image)
		case mayPull && status == capi.SnapshotImageMissing:
			mayPull = false
			err = c.pull(ctx, client, pinned(wrap(err)))
		case mayStop && status == capi.SandboxStillRunning:
			mayStop = false
			if err = c.haveImage(ctx, client); err == nil { // or there would be nothing to replace it with
				err = stop(ctx, client, name, c.ReplaceTimeout)
			}
		default:
			return wrap(err)
		}
		if err != nil {
			return err
		}
	}
}

func (c *SandboxConfig) haveImage(ctx context.Context, client *capi.Client) error {
	if c.Image == "" {
		return nil
	}
	return c.pull(ctx, client, c.Image)
}

// pull gets an image as the configuration says.
func (c *SandboxConfig) pull(ctx context.Context, client *capi.Client, reference string) error {
	options := pullOptions{policy: c.PullPolicy, auth: c.RegistryAuth}
	for _, option := range c.PullOptions {
		option(&options)
	}
	native, err := options.native()
	if err != nil {
		return err
	}
	_, _, err = client.PullImage(partOf(ctx), reference, native)
	return wrap(err)
}

// pinned is the reference of the very image that a snapshot lacks, whatever its tag means today.
func pinned(missing error) string {
	failure := missing.(*Error)
	return failure.Detail("reference") + "@" + failure.Detail("digest")
}
