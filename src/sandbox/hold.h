#pragma once

#include <string>
#include <utility>

#include "base/call.h"
#include "image/context.h"
#include "os/lock.h"
#include "sandbox/sandbox.h"

namespace msb::sandbox {

/// A sandbox that stays stopped while the object lives: the lock is held that every start of it needs, microsandbox's
/// own included (run/locks, formats/snapshots.md §3). A start elsewhere waits for it at most 5 s, then fails.
class StoppedHold {
 public:
  /// As it was when the lock had been taken.
  const Sandbox& sandbox() const { return sandbox_; }
  /// For the machine that is started: it inherits the lock.
  int lock_fd() const { return lock_.fd(); }
  /// From here on the machine decides when the lock ends.
  void hand_on() { lock_.hand_on(); }

 private:
  friend Result<StoppedHold> hold(const image::Context& context, const std::string& name, os::LockMode mode,
                                  const Call& call);
  StoppedHold(os::FileLock lock, Sandbox sandbox) : lock_(std::move(lock)), sandbox_(std::move(sandbox)) {}

  os::FileLock lock_;
  Sandbox sandbox_;
};

/// Holds a sandbox that is stopped or crashed, to read its disk, with others that do the same. Waits, up to the busy
/// timeout, for whoever starts, stops or changes it, and for a machine that has reported its end but whose process
/// still runs.
/// @retval Status::busy                   somebody has not ended what it does with the sandbox in time
/// @retval Status::sandbox_not_found      no sandbox of that name
/// @retval Status::sandbox_still_running  any other status (fact `status`), or its machine has not ended in time
/// @retval Status::unsupported            the client is read-only
Result<StoppedHold> hold_stopped(const image::Context& context, const std::string& name, const Call& call);

/// The same, to change it, and alone; one that has never been started will do too.
Result<StoppedHold> hold_idle(const image::Context& context, const std::string& name, const Call& call);

/// Records that the machine of a sandbox that the caller holds begins, run by process `pid`, which inherits the lock.
/// @retval Status::sandbox_not_found  it was removed by others meanwhile
Done record_starting(const image::Context& context, const StoppedHold& held, int64_t pid, const Call& call);

}  // namespace msb::sandbox
