#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "os/fs.h"
#include "runtime/machine.h"

namespace msb::runtime {

/// How a machine ended. Values are those of MSB_END_… in the header.
enum class End : uint32_t {
  exited = 1,  ///< the command has, and the disk is as it should be
  signalled,   ///< the same, by a signal
  failed,      ///< the command never ran
  killed,      ///< it was to stop and did not in time, or was to stop at once
  lost,        ///< guest, QEMU or monitor died
};

struct Outcome {
  End end = End::lost;
  int number = 0;                         ///< exit code or signal; for failed what a shell would end with, or 0
  bool clean = false;                     ///< the writable disk was unmounted, or never mounted
  std::string message;                    ///< why, for failed and lost, and where the machine was killed
  bool late = false;                      ///< failed or lost because it was not ready in time; not written down
  uint64_t out_bytes = 0, err_bytes = 0;  ///< that the command wrote, kept or not
  Accelerator accelerator = Accelerator::automatic;
  uint64_t ready_ms = 0;  ///< from the start of QEMU to the command
  uint64_t total_ms = 0;  ///< to the end of QEMU
};

/// Writes it down in the directory of the sandbox.
Done write_outcome(os::Fs& fs, const std::string& directory, const Outcome& outcome);
/// Nothing when there is none, or none that can be read.
std::optional<Outcome> read_outcome(os::Fs& fs, const std::string& directory);

}  // namespace msb::runtime
