#include "os/sigpipe.h"

#include <cerrno>
#include <ctime>

namespace msb::os {
namespace {

sigset_t only_sigpipe() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  return set;
}

}  // namespace

SigpipeHeld::SigpipeHeld() noexcept {
  sigset_t pending;
  sigemptyset(&pending);
  ::sigpending(&pending);
  pending_ = sigismember(&pending, SIGPIPE) == 1;
  const sigset_t pipe = only_sigpipe();
  ::pthread_sigmask(SIG_BLOCK, &pipe, &before_);
}

SigpipeHeld::~SigpipeHeld() {
  const int saved = errno;
  if (!pending_) {
    // The kernel sends it to the thread that wrote, so what is due here is ours.
    const sigset_t pipe = only_sigpipe();
    const timespec now{};
    while (::sigtimedwait(&pipe, nullptr, &now) < 0 && errno == EINTR) continue;
  }
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  errno = saved;
}

}  // namespace msb::os
