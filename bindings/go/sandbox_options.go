package microsandbox

import "time"

// SandboxOption configures [CreateSandbox].
type SandboxOption func(*SandboxConfig)

// WithImage makes the sandbox from an image.
func WithImage(reference string) SandboxOption {
	return func(c *SandboxConfig) { c.Image = reference }
}

// WithSnapshot makes the sandbox from a snapshot: a bare name, a path or a digest. Not with [WithImage] or
// [WithOCIUpperSize].
func WithSnapshot(pathOrName string) SandboxOption {
	return func(c *SandboxConfig) { c.Snapshot = pathOrName }
}

// WithFromSnapshot is the later name of [WithSnapshot].
func WithFromSnapshot(pathOrName string) SandboxOption { return WithSnapshot(pathOrName) }

// WithLabels adds labels; a later value of a key counts.
func WithLabels(labels map[string]string) SandboxOption {
	return func(c *SandboxConfig) { c.Labels = merged(c.Labels, labels) }
}

// WithLabel adds a label.
func WithLabel(key, value string) SandboxOption { return WithLabels(map[string]string{key: value}) }

// WithReplace removes a sandbox of the same name first. One that runs is stopped, and has 10 s for that.
func WithReplace() SandboxOption { return WithReplaceWithTimeout(stopTimeout) }

// WithReplaceWithTimeout is [WithReplace] with another time to stop.
func WithReplaceWithTimeout(timeout time.Duration) SandboxOption {
	return func(c *SandboxConfig) { c.Replace, c.ReplaceTimeout = true, timeout }
}

// WithMemory sets the memory of the machine, in MiB.
func WithMemory(mib uint32) SandboxOption {
	return func(c *SandboxConfig) { c.MemoryMiB = mib }
}

// WithCPUs sets the number of processors of the machine.
func WithCPUs(count uint8) SandboxOption {
	return func(c *SandboxConfig) { c.CPUs = count }
}

// WithEnv adds variables to the environment; a later value of a key counts.
func WithEnv(env map[string]string) SandboxOption {
	return func(c *SandboxConfig) { c.Env = merged(c.Env, env) }
}

// WithWorkdir sets the directory that commands start in.
func WithWorkdir(dir string) SandboxOption {
	return func(c *SandboxConfig) { c.Workdir = dir }
}

// WithHostname sets the name of the machine.
func WithHostname(name string) SandboxOption {
	return func(c *SandboxConfig) { c.Hostname = name }
}

// WithUser sets who commands run as.
func WithUser(user string) SandboxOption {
	return func(c *SandboxConfig) { c.User = user }
}

// WithShell sets the shell.
func WithShell(shell string) SandboxOption {
	return func(c *SandboxConfig) { c.Shell = shell }
}

// WithEntrypoint replaces the entrypoint of the image.
func WithEntrypoint(args ...string) SandboxOption {
	return func(c *SandboxConfig) { c.Entrypoint = append([]string{}, args...) }
}

// WithDetached makes a sandbox that its maker does not own: it runs until it is stopped.
func WithDetached() SandboxOption {
	return func(c *SandboxConfig) { c.Detached = true }
}

// WithBoot boots the sandbox as [StartSandboxWith] does.
func WithBoot(options RunOptions, command ...string) SandboxOption {
	return func(c *SandboxConfig) { c.NoBoot, c.BootOptions, c.BootCommand = false, options, command }
}

// WithoutBoot makes the record and the disk of a stopped sandbox, and boots nothing. Needs neither QEMU nor a kernel.
func WithoutBoot() SandboxOption {
	return func(c *SandboxConfig) { c.NoBoot = true }
}

// WithEphemeral makes a sandbox that `msb` removes when it stops; this package does not.
func WithEphemeral(ephemeral bool) SandboxOption {
	return func(c *SandboxConfig) { c.Ephemeral = ephemeral }
}

// WithPullPolicy sets when the image is pulled: if it is not cached, unless told. The image of a snapshot is known by its
// digest, so that PullPolicyAlways means no more for it.
func WithPullPolicy(policy PullPolicy) SandboxOption {
	return func(c *SandboxConfig) { c.PullPolicy = policy }
}

// WithOCIUpperSize sets the size of the writable disk, in MiB; 4 GiB by default.
func WithOCIUpperSize(mib uint32) SandboxOption {
	return func(c *SandboxConfig) { c.OCIUpperSizeMiB = mib }
}

// WithImageDisk is ErrUnsupportedOperation: this package makes sandboxes from OCI images and their snapshots.
func WithImageDisk(path, fstype string) SandboxOption {
	return func(c *SandboxConfig) { c.ImageDisk, c.ImageDiskFstype = path, fstype }
}

// WithBindRootfs is ErrUnsupportedOperation: this package makes sandboxes from OCI images and their snapshots.
func WithBindRootfs(path string) SandboxOption {
	return func(c *SandboxConfig) { c.BindRootfs = path }
}

// WithRegistryAuth says who pulls the image. It is not stored.
func WithRegistryAuth(auth RegistryAuth) SandboxOption {
	return func(c *SandboxConfig) { c.RegistryAuth = &auth }
}

// WithPullOptions says more of how the image is pulled.
func WithPullOptions(opts ...PullOption) SandboxOption {
	return func(c *SandboxConfig) {
		c.PullOptions = append(c.PullOptions[:len(c.PullOptions):len(c.PullOptions)], opts...)
	}
}

// WithMaxDuration makes `msb` end the machine after a time, counted in whole seconds.
func WithMaxDuration(duration time.Duration) SandboxOption {
	return func(c *SandboxConfig) { c.MaxDuration = duration }
}

// WithIdleTimeout makes `msb` end the machine when it had nothing to do for a time, counted in whole seconds.
func WithIdleTimeout(timeout time.Duration) SandboxOption {
	return func(c *SandboxConfig) { c.IdleTimeout = timeout }
}

// PullPolicy says when an image is pulled.
type PullPolicy string

// The policies; PullPolicyDefault is PullPolicyIfMissing.
const (
	PullPolicyDefault   PullPolicy = ""
	PullPolicyAlways    PullPolicy = "always"     // the registry says what the reference means today
	PullPolicyIfMissing PullPolicy = "if-missing" // what is cached is taken, and nobody is asked
	PullPolicyNever     PullPolicy = "never"      // what is not cached is ErrImageNotFound
)

// RegistryAuth is a name and password for a registry.
type RegistryAuth struct {
	Username string
	Password string
}

// merged is a fresh map with the pairs of both; those of more count.
func merged(into, more map[string]string) map[string]string {
	fresh := make(map[string]string, len(into)+len(more))
	for _, pairs := range []map[string]string{into, more} {
		for key, value := range pairs {
			fresh[key] = value
		}
	}
	return fresh
}
