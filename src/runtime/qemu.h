#pragma once

#include <string>
#include <vector>

#include "runtime/machine.h"

namespace msb::runtime {

// Descriptors that QEMU finds open: its ends of the guest's channels, then the disks in their order.
inline constexpr int kConsoleFd = 10;
inline constexpr int kControlFd = 11;
inline constexpr int kStdoutFd = 12;
inline constexpr int kStderrFd = 13;
inline constexpr int kLockFd = 14;     ///< the lifecycle lock, which the machine holds as long as it lives
inline constexpr int kMonitorFd = 15;  ///< QEMU's own monitor (QMP)
inline constexpr int kFirstDiskFd = 16;

/// What fits on the bus of a machine.
inline constexpr size_t kMaxDisks = 224;

/// Of one disk: one for each file, and before them, if there are several, one for what joins them.
size_t descriptors_of(const Disk& disk);

/// What joins files of these sizes to one disk, for a disk whose descriptors begin with that number.
Result<std::string> joining(const std::vector<uint64_t>& sizes, int first_fd);

/// The command line of a machine that has what is named here and nothing else: no default devices, no files but kernel,
/// initramfs and firmware, which it opens at the start, and seccomp filters.
std::vector<std::string> qemu_arguments(const Machine& machine, Accelerator accelerator);

}  // namespace msb::runtime
