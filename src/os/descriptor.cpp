#include "os/descriptor.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include <sys/stat.h>

#include "os/sigpipe.h"

namespace msb::os {
namespace {

constexpr int kPatienceMs = 50;

/// Waits until the descriptor can be read or written without blocking, or is at its end.
Done wait_for(int fd, short events, const std::string& name, const Call& call) {
  while (true) {
    MSB_CHECK(call.check());
    call.deliver();
    struct pollfd poll {
      fd, events, 0
    };
    const int ready = ::poll(&poll, 1, kPatienceMs);
    if (ready < 0 && errno != EINTR) return Error::io("wait for", name, errno);
    if (ready > 0) return {};
  }
}

bool is_ready(int fd) {
  struct pollfd poll {
    fd, POLLOUT, 0
  };
  return ::poll(&poll, 1, 0) > 0;
}

bool try_again(int error) { return error == EINTR || error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

Result<size_t> DescriptorSource::read(MutableBytes into) {
  while (true) {
    MSB_CHECK(wait_for(fd_, POLLIN, name_, *call_));
    const ssize_t n = ::read(fd_, into.data(), into.size());
    if (n >= 0) return static_cast<size_t>(n);
    if (!try_again(errno)) return Error::io("read", name_, errno);
  }
}

Done DescriptorSink::write(Bytes bytes) {
  struct stat st {};
  const bool file = ::fstat(fd_, &st) == 0 && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode));
  // A pipe that is ready takes this much without blocking; more might wait for a reader that never comes.
  const size_t step = file ? size_t{1} << 20 : PIPE_BUF;
  while (!bytes.empty()) {
    MSB_CHECK(wait_for(fd_, POLLOUT, name_, *call_));
    const SigpipeHeld held;
    do {
      const ssize_t n = ::write(fd_, bytes.data(), std::min(bytes.size(), step));
      if (n >= 0) {
        bytes = bytes.subspan(static_cast<size_t>(n));
      } else if (!try_again(errno)) {
        return Error::io("write", name_, errno);
      }
    } while (!bytes.empty() && !call_->stopped() && is_ready(fd_));
  }
  return {};
}

}  // namespace msb::os
