#pragma once

#include <string>
#include <string_view>

#include "os/file.h"

namespace msb::runtime {

/// Keeps the first bytes of what a machine says in a file, and the last ones in memory. What is beyond the limit is
/// counted and dropped: a guest cannot fill the disk of its host.
class LogFile {
 public:
  static Result<LogFile> create(os::Fs& fs, const std::string& path, uint64_t limit);

  /// Failures to write count as the limit.
  void append(std::string_view bytes);
  uint64_t total() const { return total_; }
  /// The last lines, printable.
  std::string tail() const;

 private:
  LogFile(os::File file, uint64_t limit) : file_(std::move(file)), limit_(limit) {}

  os::File file_;
  uint64_t limit_;
  uint64_t total_ = 0;
  std::string tail_;
};

}  // namespace msb::runtime
