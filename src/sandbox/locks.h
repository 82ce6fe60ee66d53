#pragma once

#include <optional>
#include <string>

#include "base/call.h"
#include "image/context.h"
#include "os/lock.h"

namespace msb::sandbox {

// The lock files that microsandbox has for each sandbox, below `<home>/run` (formats/snapshots.md §3). Both are taken
// in this order, and never unlinked.

/// run/creation-locks: held by whoever makes, replaces or removes the sandbox (0.6.18 and later). Waits up to the busy
/// timeout, then fails with `busy`.
Result<os::FileLock> lock_creation(const image::Context& context, const std::string& name, const Call& call);
/// Without waiting; nothing when somebody has it.
Result<std::optional<os::FileLock>> try_lock_creation(const image::Context& context, const std::string& name);

/// run/locks: held while the sandbox is started, stopped or changed, and by its machine for as long as it lives (0.6.9
/// and later); shared by those that only read its disk. Waits as the one above.
Result<os::FileLock> lock_lifecycle(const image::Context& context, const std::string& name, const Call& call);
/// Without waiting; nothing when somebody has it.
Result<std::optional<os::FileLock>> try_lock_lifecycle(const image::Context& context, const std::string& name,
                                                       os::LockMode mode);
/// `busy`, with whose lock it is: for whoever has waited for it long enough.
Error lifecycle_is_held(const image::Context& context, const std::string& name);

/// Whether somebody has the lifecycle lock for himself. Makes no file, and says yes where it cannot know.
bool is_lifecycle_locked(const image::Context& context, const std::string& name);

}  // namespace msb::sandbox
