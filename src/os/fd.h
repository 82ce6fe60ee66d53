#pragma once

#include <utility>

namespace msb::os {

/// Owns a file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~Fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

/// What is open as `fd`, under a number above those of standard input, output and error, which are taken for those by
/// whoever writes there: `fd` itself, or a duplicate in place of it. A negative `fd`, and -1 with errno, come back so.
int above_standard(int fd);

}  // namespace msb::os
