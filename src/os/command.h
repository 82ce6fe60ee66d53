#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/call.h"

namespace msb::os {

struct CommandLimits {
  size_t output = size_t{64} << 10;
  std::chrono::milliseconds time{30'000};
};

struct CommandResult {
  int exit_code = 0;   ///< 128 and the signal for a program that was killed
  std::string output;  ///< its standard output
};

/// Runs a program and waits for it: no shell, `arguments[0]` is found on PATH (only in absolute directories of it),
/// `input` goes to its standard input, its standard error is dropped. What it says beyond the limit, and what takes
/// longer, fails with `io` and kills it; so do cancel and deadline of the call. It has the variables of this
/// process, and no descriptor of it; it works in `/`.
/// @retval Status::io  there is no such program (os_code ENOENT), or it cannot be run
Result<CommandResult> run_command(const std::vector<std::string>& arguments, const std::string& input,
                                  const CommandLimits& limits, const Call& call);

}  // namespace msb::os
