#pragma once

#include <sys/types.h>

#include "os/fd.h"
#include "runtime/machine.h"

namespace msb::runtime {

/// A QEMU that runs, and our ends of its channels, which do not block.
struct QemuProcess {
  pid_t pid = -1;
  os::Fd console, control, out, err;
  os::Fd messages;  ///< what QEMU itself prints
  os::Fd monitor;   ///< QEMU's own monitor (QMP)
};

/// Starts QEMU; it dies with the thread that calls this. It gets the disks and `lock` as open descriptors. Only for
/// processes without other threads.
Result<QemuProcess> start_qemu(const Machine& machine, Accelerator accelerator, int lock);

}  // namespace msb::runtime
