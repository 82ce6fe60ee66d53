#pragma once

#include <cerrno>
#include <string>
#include <string_view>

#include "os/fs.h"

namespace msb::test {

/// The kernel, but for one file that is there and that nobody can open: the paths that end in a suffix.
class UnreadableFs final : public os::Fs {
 public:
  UnreadableFs() = default;
  UnreadableFs(std::string suffix, int errnum) : suffix_(std::move(suffix)), errnum_(errnum) {}

  unsigned refused() const { return refused_; }

  int open(int dir, const char* path, int flags, mode_t mode) override {
    if (!std::string_view(path).ends_with(suffix_)) return Fs::open(dir, path, flags, mode);
    ++refused_;
    return -errnum_;
  }

 private:
  std::string suffix_;
  int errnum_ = EIO;
  unsigned refused_ = 0;
};

}  // namespace msb::test
