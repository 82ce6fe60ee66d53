#pragma once

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "os/fs.h"

namespace msb::test {

enum class Fault {
  none,
  fail,         ///< operation N fails with EIO, later ones work
  crash,        ///< operation N and everything after it fails and changes nothing: the process was killed there
  crash_after,  ///< operation N happens, nothing after it does
  no_space,     ///< from operation N on whatever needs space fails with ENOSPC
  short_io,     ///< operation N, if it reads or writes bytes, moves about half of them
};

/// The kernel with one fault at its Nth operation, for loops over N = 1, 2, 3, … that end with the first N whose fault
/// was not reached. Counts operations across threads; which thread meets the fault is then up to the scheduler.
class FaultFs final : public os::Fs {
 public:
  FaultFs() = default;
  FaultFs(Fault fault, unsigned at) : fault_(fault), at_(at) {}

  bool reached() const { return count_.load() >= at_; }
  unsigned count() const { return count_.load(); }

  bool has_rename_flags = true;  ///< false: renameat2 knows no flags (EINVAL), as on some older filesystems
  bool has_clone = true;         ///< false: FICLONE is not supported
  bool has_copy_range = true;    ///< false: copy_file_range is not supported
  bool has_seek_data = true;     ///< false: SEEK_DATA and SEEK_HOLE are not supported
  /// Called before each operation with its number, from 1.
  std::function<void(unsigned)> before;
  /// Names of the operations that change or order what is on disk, and their subject: "rename a b", "fsync", ….
  std::vector<std::string> trace;

  int open(int dir, const char* path, int flags, mode_t mode) override {
    const bool creates = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
    if (creates) trace.push_back(std::string("create ") + path);
    return step(creates, [&] { return Fs::open(dir, path, flags, mode); });
  }
  int close(int fd) override {
    return step(false, [&] { return Fs::close(fd); });
  }
  ssize_t read(int fd, MutableBytes into) override {
    return move_bytes(false, into.size(), [&](size_t n) { return Fs::read(fd, into.first(n)); });
  }
  ssize_t write(int fd, Bytes bytes) override {
    return move_bytes(true, bytes.size(), [&](size_t n) { return Fs::write(fd, bytes.first(n)); });
  }
  ssize_t pread(int fd, MutableBytes into, uint64_t offset) override {
    return move_bytes(false, into.size(), [&](size_t n) { return Fs::pread(fd, into.first(n), offset); });
  }
  ssize_t pwrite(int fd, Bytes bytes, uint64_t offset) override {
    return move_bytes(true, bytes.size(), [&](size_t n) { return Fs::pwrite(fd, bytes.first(n), offset); });
  }
  ssize_t copy_file_range(int from, uint64_t from_offset, int to, uint64_t to_offset, size_t length) override {
    if (!has_copy_range) return -EOPNOTSUPP;
    return move_bytes(true, length, [&](size_t n) { return Fs::copy_file_range(from, from_offset, to, to_offset, n); });
  }
  int clone(int from, int to) override {
    if (!has_clone) return -EOPNOTSUPP;
    return step(true, [&] { return Fs::clone(from, to); });
  }
  int fallocate(int fd, int mode, uint64_t offset, uint64_t length) override {
    return step(true, [&] { return Fs::fallocate(fd, mode, offset, length); });
  }
  int truncate(int fd, uint64_t size) override {
    return step(false, [&] { return Fs::truncate(fd, size); });
  }
  int64_t seek(int fd, uint64_t offset, int whence) override {
    if (!has_seek_data && (whence == SEEK_DATA || whence == SEEK_HOLE)) return -EINVAL;
    return step(false, [&] { return Fs::seek(fd, offset, whence); });
  }
  int fsync(int fd) override {
    trace.emplace_back("fsync");
    return step(false, [&] { return Fs::fsync(fd); });
  }
  int syncfs(int fd) override {
    trace.emplace_back("syncfs");
    return step(false, [&] { return Fs::syncfs(fd); });
  }
  int start_writeback(int fd, uint64_t offset, uint64_t length) override {
    return step(false, [&] { return Fs::start_writeback(fd, offset, length); });
  }
  int fstat(int fd, struct stat* out) override {
    return step(false, [&] { return Fs::fstat(fd, out); });
  }
  int fstatat(int dir, const char* path, struct stat* out, int flags) override {
    return step(false, [&] { return Fs::fstatat(dir, path, out, flags); });
  }
  int mkdir(int dir, const char* path, mode_t mode) override {
    trace.push_back(std::string("mkdir ") + path);
    return step(true, [&] { return Fs::mkdir(dir, path, mode); });
  }
  int rename(int from_dir, const char* from, int to_dir, const char* to, unsigned flags) override {
    if (!has_rename_flags && flags != 0) return -EINVAL;
    trace.push_back(std::string("rename ") + from + " " + to);
    return step(false, [&] { return Fs::rename(from_dir, from, to_dir, to, flags); });
  }
  int link(int from_dir, const char* from, int to_dir, const char* to, int flags) override {
    trace.push_back(std::string("link ") + from + " " + to);
    return step(true, [&] { return Fs::link(from_dir, from, to_dir, to, flags); });
  }
  int unlink(int dir, const char* path, int flags) override {
    trace.push_back(std::string("unlink ") + path);
    return step(false, [&] { return Fs::unlink(dir, path, flags); });
  }
  int fchmod(int fd, mode_t mode) override {
    return step(false, [&] { return Fs::fchmod(fd, mode); });
  }
  int chmod(int dir, const char* path, mode_t mode) override {
    return step(false, [&] { return Fs::chmod(dir, path, mode); });
  }
  ssize_t getdents(int fd, MutableBytes into) override {
    return step(false, [&] { return Fs::getdents(fd, into); });
  }
  int fstatvfs(int fd, struct statvfs* out) override {
    return step(false, [&] { return Fs::fstatvfs(fd, out); });
  }
  int flock(int fd, int operation) override {
    return step(false, [&] { return Fs::flock(fd, operation); });
  }

 private:
  template <typename Operation>
  auto step(bool needs_space, Operation operation) -> decltype(operation()) {
    using Answer = decltype(operation());
    const unsigned n = ++count_;
    if (before) before(n);
    if (fault_ == Fault::fail && n == at_) return static_cast<Answer>(-EIO);
    if (fault_ == Fault::crash && n >= at_) return static_cast<Answer>(-EIO);
    if (fault_ == Fault::crash_after && n > at_) return static_cast<Answer>(-EIO);
    if (fault_ == Fault::no_space && n >= at_ && needs_space) return static_cast<Answer>(-ENOSPC);
    return operation();
  }

  template <typename Operation>
  ssize_t move_bytes(bool needs_space, size_t length, Operation operation) {
    return step(needs_space, [&] {
      const bool cut = fault_ == Fault::short_io && count_.load() == at_ && length > 1;
      return operation(cut ? length / 2 : length);
    });
  }

  Fault fault_ = Fault::none;
  unsigned at_ = 0;
  std::atomic<unsigned> count_{0};
};

}  // namespace msb::test
