#pragma once

#include <functional>

#include "os/fd.h"
#include "runtime/outcome.h"
#include "sandbox/sandbox.h"

namespace msb::runtime {

/// What a monitor is given besides the machine.
struct Surroundings {
  /// Stream socket to whoever starts the machine. Its end ends the machine: until that is ready, or, when it is bound
  /// to its starter, always.
  int starter = -1;
  /// Becomes readable at the end of its process, as pidfd_open(2) has it; -1 where there is none. Children of that
  /// process may have the socket too, and live on.
  int starter_process = -1;
  int lock = -1;     ///< lifecycle lock
  int signals = -1;  ///< of watch_signals()
  /// Records a live status of the sandbox.
  std::function<void(sandbox::Status)> record;
};

/// From now on the signals that a monitor heeds wait here: none of them ends the process before it can record anything.
Result<os::Fd> watch_signals();

/// Runs a machine to its end, in a process of its own and without other threads. Tells the starter when it is ready.
/// SIGTERM asks the guest to stop, SIGINT makes it stop within seconds. Fails when nothing could be started.
Result<Outcome> supervise(const Machine& machine, const Surroundings& surroundings);

/// What becomes of a sandbox whose machine has ended so.
sandbox::Status status_after(const Outcome& outcome);

}  // namespace msb::runtime
