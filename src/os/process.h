#pragma once

#include <sys/types.h>

namespace msb::os {

/// True when a process of that number runs, whoever owns it. A zombie does not run. Numbers are reused by the kernel,
/// so the answer is about the number, not about the program one has in mind.
bool process_alive(pid_t pid);

}  // namespace msb::os
