#pragma once

#include <optional>

#include <sys/types.h>

#include "base/time.h"

namespace msb::os {

/// True when a process of that number runs, whoever owns it. A zombie does not run. Numbers are reused by the kernel,
/// so the answer is about the number, not about the program one has in mind.
bool process_alive(pid_t pid);

/// When a process began, by the clock of today; nothing when /proc does not say.
std::optional<UnixNanos> process_started(pid_t pid);

/// Whether a process has the file of that device and inode open; nothing when /proc does not say.
std::optional<bool> has_open(pid_t pid, dev_t device, ino_t inode);

}  // namespace msb::os
