#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/temp_dir.h"

namespace msb::test {

/// A file as a read-only block device, until it goes.
class LoopDevice {
 public:
  explicit LoopDevice(const std::string& file);
  LoopDevice(const LoopDevice&) = delete;
  LoopDevice& operator=(const LoopDevice&) = delete;
  ~LoopDevice();

  explicit operator bool() const { return fd_ >= 0; }
  const std::string& path() const { return path_; }

 private:
  int fd_ = -1;
  std::string path_;
};

/// An EROFS file mounted read-only below a directory of its own, until it goes.
class ErofsMount {
 public:
  /// `devices` are the files that `file` refers to, in the order of its device table.
  explicit ErofsMount(const std::string& file, const std::vector<std::string>& devices = {});
  ErofsMount(const ErofsMount&) = delete;
  ErofsMount& operator=(const ErofsMount&) = delete;
  ~ErofsMount();

  explicit operator bool() const { return mounted_; }
  const std::string& error() const { return error_; }
  const std::filesystem::path& path() const { return directory_.path(); }

 private:
  TempDir directory_;
  std::vector<std::unique_ptr<LoopDevice>> loops_;
  bool mounted_ = false;
  std::string error_;
};

/// Why this process cannot mount EROFS here; nothing when it can.
std::optional<std::string> reason_not_to_mount();

}  // namespace msb::test
