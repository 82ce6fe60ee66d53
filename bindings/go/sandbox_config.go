package microsandbox

import (
	"encoding/json"
	"sort"
	"strings"
	"time"

	"github.com/superradcompany/microsandbox/sdk/go/internal/capi"
)

// SandboxConfig is how a sandbox is made and run. [CreateSandbox] takes it as options, [SandboxHandle.Config] tells what is
// stored.
type SandboxConfig struct {
	Image           string
	Snapshot        string // not stored
	OCIUpperSizeMiB uint32
	ImageDisk       string // these three are for other kinds of sandboxes
	ImageDiskFstype string
	BindRootfs      string

	Labels     map[string]string
	Env        map[string]string
	CPUs       uint8
	MemoryMiB  uint32
	Workdir    string
	Shell      string
	Hostname   string
	User       string
	Entrypoint []string // nil for that of the image

	Ephemeral   bool
	MaxDuration time.Duration
	IdleTimeout time.Duration
	PullPolicy  PullPolicy

	Replace        bool // these are not stored
	ReplaceTimeout time.Duration
	Detached       bool
	NoBoot         bool
	BootOptions    RunOptions
	BootCommand    []string
	RegistryAuth   *RegistryAuth
	PullOptions    []PullOption
}

// storedConfig has the members of the stored configuration that SandboxConfig knows.
type storedConfig struct {
	Image *struct {
		OCI *struct {
			Reference    string `json:"reference"`
			UpperSizeMiB uint32 `json:"upper_size_mib"`
			RootDisk     struct {
				SizeMiB uint32 `json:"size_mib"`
			} `json:"root_disk"`
		} `json:"Oci"`
	} `json:"image,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
	Resources struct {
		CPUs         uint8  `json:"cpus,omitempty"`
		MaxCPUs      uint8  `json:"max_cpus,omitempty"`
		MemoryMiB    uint32 `json:"memory_mib,omitempty"`
		MaxMemoryMiB uint32 `json:"max_memory_mib,omitempty"`
	} `json:"resources"`
	Runtime struct {
		Workdir    string   `json:"workdir,omitempty"`
		Shell      string   `json:"shell,omitempty"`
		Hostname   string   `json:"hostname,omitempty"`
		User       string   `json:"user,omitempty"`
		Entrypoint []string `json:"entrypoint,omitempty"`
	} `json:"runtime"`
	Env        []storedVariable `json:"env,omitempty"`
	PullPolicy string           `json:"pull_policy,omitempty"`
	Lifecycle  struct {
		Ephemeral       bool   `json:"ephemeral,omitempty"`
		MaxDurationSecs uint64 `json:"max_duration_secs,omitempty"`
		IdleTimeoutSecs uint64 `json:"idle_timeout_secs,omitempty"`
	} `json:"lifecycle"`
}

type storedVariable struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// How pull policies are stored.
var storedPolicies = map[PullPolicy]string{
	PullPolicyDefault: "", PullPolicyAlways: "Always", PullPolicyIfMissing: "IfMissing", PullPolicyNever: "Never",
}

// native turns a configuration into what the library takes.
func (c *SandboxConfig) native() (capi.SandboxOptions, error) {
	var none capi.SandboxOptions
	policy, known := storedPolicies[c.PullPolicy]
	switch {
	case !known:
		return none, unknownPolicy(c.PullPolicy)
	case c.ImageDisk != "" || c.BindRootfs != "" || isPath(c.Image):
		return none, failure(ErrUnsupportedOperation, "unsupported operation: sandboxes are made from OCI images and snapshots")
	}
	var stored storedConfig
	stored.Resources.CPUs, stored.Resources.MaxCPUs = c.CPUs, c.CPUs
	stored.Resources.MemoryMiB, stored.Resources.MaxMemoryMiB = c.MemoryMiB, c.MemoryMiB
	stored.Runtime.Workdir, stored.Runtime.Shell = c.Workdir, c.Shell
	stored.Runtime.Hostname, stored.Runtime.User = c.Hostname, c.User
	stored.Runtime.Entrypoint = c.Entrypoint
	stored.PullPolicy = policy
	stored.Lifecycle.Ephemeral = c.Ephemeral
	stored.Lifecycle.MaxDurationSecs = seconds(c.MaxDuration)
	stored.Lifecycle.IdleTimeoutSecs = seconds(c.IdleTimeout)
	for key, value := range c.Env {
		stored.Env = append(stored.Env, storedVariable{key, value})
	}
	sort.Slice(stored.Env, func(i, j int) bool { return stored.Env[i].Key < stored.Env[j].Key })
	text, err := json.Marshal(stored)
	if err != nil {
		return none, &Error{Kind: ErrInternal, Cause: err}
	}
	return capi.SandboxOptions{
		Image:        c.Image,
		FromSnapshot: c.Snapshot,
		UpperSize:    uint64(c.OCIUpperSizeMiB) << 20,
		Labels:       c.Labels,
		ConfigJSON:   string(text),
		Replace:      c.Replace,
	}, nil
}

// isPath tells a directory or a disk image, from which msb makes sandboxes too, from a reference.
func isPath(image string) bool {
	for _, begin := range []string{"/", "./", "../", "~"} {
		if strings.HasPrefix(image, begin) {
			return true
		}
	}
	for _, end := range []string{".qcow2", ".raw", ".vmdk"} {
		if strings.HasSuffix(image, end) {
			return true
		}
	}
	return false
}

// parseConfig reads what is stored, by whichever release.
func parseConfig(text string) (*SandboxConfig, error) {
	var stored storedConfig
	if err := json.Unmarshal([]byte(text), &stored); err != nil {
		return nil, &Error{Kind: ErrInternal, Message: "stored configuration of a sandbox", Cause: err}
	}
	c := &SandboxConfig{
		Labels:      stored.Labels,
		Env:         make(map[string]string, len(stored.Env)),
		CPUs:        stored.Resources.CPUs,
		MemoryMiB:   stored.Resources.MemoryMiB,
		Workdir:     stored.Runtime.Workdir,
		Shell:       stored.Runtime.Shell,
		Hostname:    stored.Runtime.Hostname,
		User:        stored.Runtime.User,
		Entrypoint:  stored.Runtime.Entrypoint,
		Ephemeral:   stored.Lifecycle.Ephemeral,
		MaxDuration: time.Duration(stored.Lifecycle.MaxDurationSecs) * time.Second,
		IdleTimeout: time.Duration(stored.Lifecycle.IdleTimeoutSecs) * time.Second,
	}
	if stored.Image != nil && stored.Image.OCI != nil {
		c.Image = stored.Image.OCI.Reference
		c.OCIUpperSizeMiB = stored.Image.OCI.UpperSizeMiB + stored.Image.OCI.RootDisk.SizeMiB // a release has one of them
	}
	for _, variable := range stored.Env {
		c.Env[variable.Key] = variable.Value
	}
	for policy, name := range storedPolicies {
		if name == stored.PullPolicy {
			c.PullPolicy = policy
		}
	}
	return c, nil
}

// seconds rounds up, so that no limit becomes none.
func seconds(d time.Duration) uint64 {
	if d <= 0 {
		return 0
	}
	return uint64((d + time.Second - 1) / time.Second)
}
