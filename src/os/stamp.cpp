#include "os/stamp.h"

namespace msb::os {
namespace {

int64_t nanoseconds(const struct timespec& time) { return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

}  // namespace

Stamp Stamp::of(const struct stat& st) {
  return {st.st_dev, st.st_ino, static_cast<uint64_t>(st.st_size), nanoseconds(st.st_mtim), nanoseconds(st.st_ctim)};
}

Result<Stamp> Stamp::of(const File& file) {
  MSB_TRY(const struct stat st, file.status());
  return of(st);
}

Result<Stamp> Stamp::of(Fs& fs, const std::string& path) {
  struct stat st {};
  const int result = fs.fstatat(AT_FDCWD, path.c_str(), &st, AT_SYMLINK_NOFOLLOW);
  if (result < 0) return Error::io("stat", path, -result);
  return of(st);
}

}  // namespace msb::os
