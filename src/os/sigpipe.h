#pragma once

#include <csignal>

namespace msb::os {

/// While it lives, a write of this thread to a pipe or socket without a reader fails with EPIPE and raises nothing,
/// whatever the program does with SIGPIPE. Afterwards the thread is as it was before. Calls back into the program do
/// not belong in between: what they start would inherit the mask.
class SigpipeHeld {
 public:
  SigpipeHeld() noexcept;
  SigpipeHeld(const SigpipeHeld&) = delete;
  SigpipeHeld& operator=(const SigpipeHeld&) = delete;
  ~SigpipeHeld();

 private:
  sigset_t before_{};
  bool pending_ = false;  // blocked by the program, and due already: not ours to take away
};

}  // namespace msb::os
