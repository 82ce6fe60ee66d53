#pragma once

#include <fcntl.h>

#include <cstdint>
#include <string>
#include <utility>

#include "base/call.h"
#include "base/stream.h"
#include "os/fd.h"
#include "os/fork.h"
#include "os/fs.h"

namespace msb::os {

enum class LockMode;

/// An open file that knows its path, so that every failure names it. Reads and writes at offsets may run on several
/// threads at once.
class File {
 public:
  File() = default;
  File(File&&) noexcept = default;
  File& operator=(File&& other) noexcept;
  /// Gives a lock of try_flock() back before it closes. A child that was forked meanwhile has a share in the lock,
  /// which would keep it otherwise.
  ~File() { unlock(); }

  /// Opens `path` below `dir` (or AT_FDCWD). Flags as for open(2).
  static Result<File> open(Fs& fs, int dir, const std::string& path, int flags, mode_t mode = 0600);
  /// Opens an existing regular file for reading: never follows a final symlink, never blocks on a FIFO, refuses
  /// anything that is not a regular file.
  static Result<File> open_regular(Fs& fs, int dir, const std::string& path, int flags = O_RDONLY);
  /// Another descriptor of a file that the caller has open; `name` is what messages call it. The caller's stays open.
  static Result<File> duplicate(Fs& fs, int fd, const std::string& name);
  /// A nameless file in directory `path` (O_TMPFILE, or a name that is unlinked at once).
  static Result<File> temporary(Fs& fs, const std::string& path);

  explicit operator bool() const { return static_cast<bool>(fd_); }
  Fs& fs() const { return *fs_; }
  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }

  Result<struct stat> status() const;
  Result<uint64_t> size() const;
  /// Fills a prefix of `into`, all of it unless the file ends.
  Result<size_t> read_at(MutableBytes into, uint64_t offset) const;
  /// Fails when the file ends before `into` is full.
  Done read_exactly_at(MutableBytes into, uint64_t offset) const;
  Done write_at(Bytes bytes, uint64_t offset) const;
  Done truncate(uint64_t size) const;
  Done sync() const;
  /// Lets what was written there go to the disk from now on, without waiting: a later sync has less to do. A hint.
  void start_writeback(uint64_t offset, uint64_t length) const { fs_->start_writeback(fd(), offset, length); }
  Done sync_filesystem() const;  ///< everything on the filesystem that the file is on
  /// Copies a range inside the kernel where it can, else through a buffer. `length` bytes must be there.
  Done copy_range(const File& from, uint64_t from_offset, uint64_t to_offset, uint64_t length, const Call& call) const;

 private:
  friend Result<bool> try_flock(const File& file, LockMode mode);
  friend class FileLock;

  /// That the open file is locked, and in which process. Goes with the descriptor when a file is moved.
  class Locked {
   public:
    Locked() = default;
    Locked(Locked&& other) noexcept : generation_(std::exchange(other.generation_, 0)) {}
    Locked& operator=(Locked&& other) noexcept {
      generation_ = std::exchange(other.generation_, 0);
      return *this;
    }
    ~Locked() = default;
    void set() { generation_ = process_generation(); }
    bool take() { return std::exchange(generation_, 0) == process_generation(); }
    bool any() const { return generation_ != 0; }

   private:
    uint64_t generation_ = 0;
  };

  void unlock() noexcept;

  Fs* fs_ = nullptr;
  Fd fd_;
  std::string path_;
  mutable Locked locked_;
};

/// The range [offset, offset + length) of a file, which must outlive the source.
class FileSource final : public ByteSource {
 public:
  explicit FileSource(const File& file, uint64_t offset = 0, uint64_t length = UINT64_MAX)
      : file_(&file), offset_(offset), left_(length) {}
  Result<size_t> read(MutableBytes into) override;
  Result<uint64_t> skip(uint64_t size) override;

 private:
  const File* file_;
  uint64_t offset_;
  uint64_t left_;
};

/// Appends to a file from an offset on.
class FileSink final : public ByteSink {
 public:
  explicit FileSink(const File& file, uint64_t offset = 0) : file_(&file), offset_(offset) {}
  Done write(Bytes bytes) override;
  uint64_t offset() const { return offset_; }

 private:
  const File* file_;
  uint64_t offset_;
};

/// Whole content of a small regular file; fails above `limit` bytes.
Result<std::string> read_small(Fs& fs, int dir, const std::string& path, size_t limit);

}  // namespace msb::os
