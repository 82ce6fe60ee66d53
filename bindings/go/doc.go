// Package microsandbox works with the state that microsandbox keeps on disk: the cache of OCI images, sandboxes, and disk
// snapshots of them; and boots sandboxes in virtual machines. It has the names and types of the microsandbox SDK, so a program that was written for that one compiles
// against this one, and is a thin layer on libmicrosandbox, which does the work in the process of the caller.
//
//	import m "github.com/superradcompany/microsandbox/sdk/go"
//
//	images, err := m.Image.List(ctx)
//
//	sandbox, err := m.CreateSandbox(ctx, "worker", m.WithSnapshot("after-pip-install"))
//
// # Machines
//
// A machine is QEMU with a kernel of this host; it is looked after by a process of its own. [CreateSandbox] and
// [StartSandbox] boot one that runs until it is stopped, [RunSandbox] one for a single command. Nothing else needs a machine.
//
// # Errors
//
// Functions fail with *[Error]. Ask for its kind:
//
//	if m.IsKind(err, m.ErrImageNotFound) { … }
//
// errors.Is knows the kinds too, fs.ErrNotExist and fs.ErrExist, the errno of a system call that failed, and
// context.Canceled and context.DeadlineExceeded.
//
// # Context
//
// Functions that take a context stop within about 50 ms of its end and leave everything on disk as it was, then return
// ErrCancelled with the error of the context as cause. Work that was finished by then is reported as a success. They return
// only when nothing runs any more on behalf of the call.
//
// [WithProgress] adds progress to a context, [WithClient] another home than the default one. [Home] tells what a home is.
//
// # Goroutines
//
// Any goroutine may call any function. Handles are copies of what was known when they were made; they do not change.
package microsandbox
