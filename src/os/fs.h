#pragma once

#include <dirent.h>

#include <cstdint>
#include <string>

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

#include "base/bytes.h"

namespace msb::os {

/// The one seam to the kernel's file interface: all state on disk is read and changed through it, so that a test can
/// make any single operation fail, stop short or be the last one before a crash. Each member is the system call of its
/// name, retried on EINTR, and returns what the call returns or a negative errno. `dir` may be AT_FDCWD.
class Fs {
 public:
  virtual ~Fs() = default;
  virtual int open(int dir, const char* path, int flags, mode_t mode);  ///< O_CLOEXEC is added; never 0 to 2
  virtual int close(int fd);
  virtual ssize_t read(int fd, MutableBytes into);
  virtual ssize_t write(int fd, Bytes bytes);
  virtual ssize_t pread(int fd, MutableBytes into, uint64_t offset);
  virtual ssize_t pwrite(int fd, Bytes bytes, uint64_t offset);
  virtual ssize_t copy_file_range(int from, uint64_t from_offset, int to, uint64_t to_offset, size_t length);
  virtual int clone(int from, int to);  ///< FICLONE of the whole file
  virtual int fallocate(int fd, int mode, uint64_t offset, uint64_t length);
  virtual int truncate(int fd, uint64_t size);
  virtual int64_t seek(int fd, uint64_t offset, int whence);  ///< SEEK_DATA, SEEK_HOLE, …
  virtual int fsync(int fd);
  virtual int syncfs(int fd);
  virtual int start_writeback(int fd, uint64_t offset, uint64_t length);  ///< SYNC_FILE_RANGE_WRITE: waits for nothing
  virtual int fstat(int fd, struct stat* out);
  virtual int fstatat(int dir, const char* path, struct stat* out, int flags);
  virtual int mkdir(int dir, const char* path, mode_t mode);
  virtual int rename(int from_dir, const char* from, int to_dir, const char* to, unsigned flags);  ///< renameat2
  virtual int link(int from_dir, const char* from, int to_dir, const char* to, int flags);
  virtual int unlink(int dir, const char* path, int flags);
  virtual int fchmod(int fd, mode_t mode);
  virtual int chmod(int dir, const char* path, mode_t mode);  ///< of the file itself: a final symlink is not followed
  virtual ssize_t getdents(int fd, MutableBytes into);        ///< struct dirent64 records; 0 at the end
  virtual int fstatvfs(int fd, struct statvfs* out);
  virtual int flock(int fd, int operation);
};

/// The real thing. Has no state.
Fs& real_fs();

}  // namespace msb::os
