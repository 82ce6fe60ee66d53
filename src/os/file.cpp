#include "os/file.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <vector>

#include <sys/file.h>
#include <sys/stat.h>

namespace msb::os {
namespace {

constexpr size_t kCopyStep = size_t{1} << 20;

Error io_error(const char* what, const std::string& path, int64_t result) {
  return Error::io(what, path, static_cast<int>(-result));
}

}  // namespace

File& File::operator=(File&& other) noexcept {
  if (this == &other) return *this;
  unlock();
  fs_ = other.fs_;
  fd_ = std::move(other.fd_);
  path_ = std::move(other.path_);
  locked_ = std::move(other.locked_);
  return *this;
}

/// A child has no say in the locks of its parent: for the kernel both have the same ones.
void File::unlock() noexcept {
  if (locked_.any() && locked_.take()) fs_->flock(fd(), LOCK_UN);
}

Result<File> File::open(Fs& fs, int dir, const std::string& path, int flags, mode_t mode) {
  const int fd = fs.open(dir, path.c_str(), flags, mode);
  if (fd < 0) return io_error((flags & O_CREAT) != 0 ? "create" : "open", path, fd);
  File file;
  file.fs_ = &fs;
  file.fd_ = Fd(fd);
  file.path_ = path;
  return file;
}

Result<File> File::open_regular(Fs& fs, int dir, const std::string& path, int flags) {
  MSB_TRY(File file, open(fs, dir, path, flags | O_NOFOLLOW | O_NONBLOCK));
  MSB_TRY(const struct stat st, file.status());
  if (!S_ISREG(st.st_mode)) return Error(Status::io, "not a regular file: " + path).with("path", path);
  return file;
}

Result<File> File::duplicate(Fs& fs, int fd, const std::string& name) {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (copy < 0) return Error::io("use", name, errno);
  File file;
  file.fs_ = &fs;
  file.fd_ = Fd(copy);
  file.path_ = name;
  return file;
}

Result<File> File::temporary(Fs& fs, const std::string& path) {
  auto file = open(fs, AT_FDCWD, path, O_TMPFILE | O_RDWR, 0600);
  if (file || (file.error().os_code() != EOPNOTSUPP && file.error().os_code() != EISDIR)) return file;
  static std::atomic<unsigned> serial{0};
  for (int attempt = 0; attempt < 100; ++attempt) {
    const std::string name = path + "/.spool-" + std::to_string(::getpid()) + "-" + std::to_string(serial++);
    auto named = open(fs, AT_FDCWD, name, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (!named && named.error().os_code() == EEXIST) continue;
    if (named) fs.unlink(AT_FDCWD, name.c_str(), 0);
    return named;
  }
  return Error::io("create a temporary file in", path, EEXIST);
}

Result<struct stat> File::status() const {
  struct stat st {};
  const int result = fs_->fstat(fd(), &st);
  if (result < 0) return io_error("stat", path_, result);
  return st;
}

Result<uint64_t> File::size() const {
  MSB_TRY(const struct stat st, status());
  return static_cast<uint64_t>(st.st_size);
}

Result<size_t> File::read_at(MutableBytes into, uint64_t offset) const {
  size_t filled = 0;
  while (filled < into.size()) {
    const ssize_t n = fs_->pread(fd(), into.subspan(filled), offset + filled);
    if (n < 0) return io_error("read", path_, n);
    if (n == 0) break;
    filled += static_cast<size_t>(n);
  }
  return filled;
}

Done File::read_exactly_at(MutableBytes into, uint64_t offset) const {
  MSB_TRY(const size_t n, read_at(into, offset));
  if (n == into.size()) return {};
  return Error(Status::io, "file ends early: " + path_).with("path", path_).with("offset", std::to_string(offset + n));
}

Done File::write_at(Bytes bytes, uint64_t offset) const {
  while (!bytes.empty()) {
    const ssize_t n = fs_->pwrite(fd(), bytes, offset);
    if (n < 0) return io_error("write", path_, n);
    if (n == 0) return Error::io("write", path_, EIO);
    bytes = bytes.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return {};
}

Done File::truncate(uint64_t size) const {
  const int result = fs_->truncate(fd(), size);
  if (result < 0) return io_error("set the size of", path_, result);
  return {};
}

Done File::sync() const {
  const int result = fs_->fsync(fd());
  if (result < 0) return io_error("sync", path_, result);
  return {};
}

Done File::sync_filesystem() const {
  const int result = fs_->syncfs(fd());
  if (result < 0) return io_error("sync the filesystem of", path_, result);
  return {};
}

Done File::copy_range(const File& from, uint64_t from_offset, uint64_t to_offset, uint64_t length,
                      const Call& call) const {
  bool in_kernel = true;
  std::vector<std::byte> buffer;
  while (length > 0) {
    MSB_CHECK(call.check());
    const size_t step = static_cast<size_t>(std::min<uint64_t>(length, kCopyStep));
    size_t copied = 0;
    if (in_kernel) {
      const ssize_t n = fs_->copy_file_range(from.fd(), from_offset, fd(), to_offset, step);
      if (n > 0) {
        copied = static_cast<size_t>(n);
      } else if (n == 0 || n == -EXDEV || n == -ENOSYS || n == -EOPNOTSUPP || n == -EINVAL || n == -EBADF) {
        in_kernel = false;
        continue;
      } else {
        return io_error("copy to", path_, n);
      }
    } else {
      buffer.resize(kCopyStep);
      const MutableBytes chunk = MutableBytes(buffer).first(step);
      MSB_CHECK(from.read_exactly_at(chunk, from_offset));
      MSB_CHECK(write_at(chunk, to_offset));
      copied = step;
    }
    from_offset += copied;
    to_offset += copied;
    length -= copied;
  }
  return {};
}

Result<size_t> FileSource::read(MutableBytes into) {
  into = into.first(static_cast<size_t>(std::min<uint64_t>(into.size(), left_)));
  MSB_TRY(const size_t n, file_->read_at(into, offset_));
  offset_ += n;
  left_ -= n;
  return n;
}

Result<uint64_t> FileSource::skip(uint64_t size) {
  MSB_TRY(const uint64_t end, file_->size());
  const uint64_t passed = std::min({size, left_, end > offset_ ? end - offset_ : 0});
  offset_ += passed;
  left_ -= passed;
  return passed;
}

Done FileSink::write(Bytes bytes) {
  MSB_CHECK(file_->write_at(bytes, offset_));
  offset_ += bytes.size();
  return {};
}

Result<std::string> read_small(Fs& fs, int dir, const std::string& path, size_t limit) {
  MSB_TRY(const File file, File::open_regular(fs, dir, path));
  MSB_TRY(const uint64_t size, file.size());
  if (size > limit) {
    return Error(Status::io, "file is larger than " + std::to_string(limit) + " bytes: " + path).with("path", path);
  }
  std::string content(static_cast<size_t>(size), '\0');
  MSB_TRY(const size_t n, file.read_at(std::as_writable_bytes(std::span(content)), 0));
  content.resize(n);
  return content;
}

}  // namespace msb::os
