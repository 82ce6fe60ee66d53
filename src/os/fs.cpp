#include "os/fs.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>

#include "os/fd.h"

namespace msb::os {
namespace {

template <typename Call>
auto retry(Call call) -> decltype(call()) {
  for (;;) {
    const auto result = call();
    if (result >= 0) return result;
    if (errno != EINTR) return static_cast<decltype(result)>(-errno);
  }
}

}  // namespace

int Fs::open(int dir, const char* path, int flags, mode_t mode) {
  return retry([&] { return above_standard(::openat(dir, path, flags | O_CLOEXEC, mode)); });
}

int Fs::close(int fd) { return ::close(fd) < 0 ? -errno : 0; }  // never retried: the descriptor is gone either way

ssize_t Fs::read(int fd, MutableBytes into) {
  return retry([&] { return ::read(fd, into.data(), into.size()); });
}

ssize_t Fs::write(int fd, Bytes bytes) {
  return retry([&] { return ::write(fd, bytes.data(), bytes.size()); });
}

ssize_t Fs::pread(int fd, MutableBytes into, uint64_t offset) {
  return retry([&] { return ::pread(fd, into.data(), into.size(), static_cast<off_t>(offset)); });
}

ssize_t Fs::pwrite(int fd, Bytes bytes, uint64_t offset) {
  return retry([&] { return ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
}

ssize_t Fs::copy_file_range(int from, uint64_t from_offset, int to, uint64_t to_offset, size_t length) {
  auto in = static_cast<off64_t>(from_offset);
  auto out = static_cast<off64_t>(to_offset);
  return retry([&] { return ::copy_file_range(from, &in, to, &out, length, 0); });
}

int Fs::clone(int from, int to) {
  return retry([&] { return ::ioctl(to, FICLONE, from); });
}

int Fs::fallocate(int fd, int mode, uint64_t offset, uint64_t length) {
  return retry([&] { return ::fallocate(fd, mode, static_cast<off_t>(offset), static_cast<off_t>(length)); });
}

int Fs::truncate(int fd, uint64_t size) {
  return retry([&] { return ::ftruncate(fd, static_cast<off_t>(size)); });
}

int64_t Fs::seek(int fd, uint64_t offset, int whence) {
  return retry([&] { return static_cast<int64_t>(::lseek(fd, static_cast<off_t>(offset), whence)); });
}

int Fs::fsync(int fd) {
  return retry([&] { return ::fsync(fd); });
}

int Fs::syncfs(int fd) {
  return retry([&] { return ::syncfs(fd); });
}

int Fs::start_writeback(int fd, uint64_t offset, uint64_t length) {
  return retry([&] {
    return ::sync_file_range(fd, static_cast<off64_t>(offset), static_cast<off64_t>(length), SYNC_FILE_RANGE_WRITE);
  });
}

int Fs::fstat(int fd, struct stat* out) {
  return retry([&] { return ::fstat(fd, out); });
}

int Fs::fstatat(int dir, const char* path, struct stat* out, int flags) {
  return retry([&] { return ::fstatat(dir, path, out, flags); });
}

int Fs::mkdir(int dir, const char* path, mode_t mode) {
  return retry([&] { return ::mkdirat(dir, path, mode); });
}

int Fs::rename(int from_dir, const char* from, int to_dir, const char* to, unsigned flags) {
  return retry([&] { return ::renameat2(from_dir, from, to_dir, to, flags); });
}

int Fs::link(int from_dir, const char* from, int to_dir, const char* to, int flags) {
  return retry([&] { return ::linkat(from_dir, from, to_dir, to, flags); });
}

int Fs::unlink(int dir, const char* path, int flags) {
  return retry([&] { return ::unlinkat(dir, path, flags); });
}

int Fs::fchmod(int fd, mode_t mode) {
  return retry([&] { return ::fchmod(fd, mode); });
}

int Fs::chmod(int dir, const char* path, mode_t mode) {
  return retry([&] { return ::fchmodat(dir, path, mode, AT_SYMLINK_NOFOLLOW); });
}

ssize_t Fs::getdents(int fd, MutableBytes into) {
  return retry([&] { return ::getdents64(fd, into.data(), into.size()); });
}

int Fs::fstatvfs(int fd, struct statvfs* out) {
  return retry([&] { return ::fstatvfs(fd, out); });
}

int Fs::flock(int fd, int operation) {
  // Not retried: a blocking lock that a signal interrupts goes back to the caller, who asks its Call.
  return ::flock(fd, operation) < 0 ? -errno : 0;
}

Fs& real_fs() {
  static Fs fs;
  return fs;
}

}  // namespace msb::os
