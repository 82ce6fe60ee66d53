#pragma once

#include <functional>

#include "runtime/outcome.h"
#include "sandbox/sandbox.h"

namespace msb::runtime {

/// What a monitor is given besides the machine.
struct Surroundings {
  int starter =
      -1;         ///< stream socket to whoever starts the machine; its end before the machine is ready ends the machine
  int lock = -1;  ///< lifecycle lock
  /// Records a live status of the sandbox.
  std::function<void(sandbox::Status)> record;
};

/// Runs a machine to its end, in a process of its own and without other threads. Tells the starter when it is ready.
/// SIGTERM asks the guest to stop, SIGINT makes it stop within seconds. Fails when nothing could be started.
Result<Outcome> supervise(const Machine& machine, const Surroundings& surroundings);

/// What becomes of a sandbox whose machine has ended so.
sandbox::Status status_after(const Outcome& outcome);

}  // namespace msb::runtime
