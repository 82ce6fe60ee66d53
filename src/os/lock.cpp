#include "os/lock.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

#include <sys/file.h>

namespace msb::os {
namespace {

/// Asks the kernel to hold up everyone who opens the file from now on. Refused when anybody else has it open.
bool hold_up_openers(int fd) {
  // The kernel tells of an opener by a signal, SIGIO unless told otherwise, which would end the program. This one is
  // ignored by default, and who handles it knows that it may come for no reason.
  return ::fcntl(fd, F_SETSIG, SIGURG) == 0 && ::fcntl(fd, F_SETLEASE, F_WRLCK) == 0;
}

bool somebody_is_held_up(int fd) { return ::fcntl(fd, F_GETLEASE) != F_WRLCK; }

}  // namespace

Result<bool> try_flock(const File& file, LockMode mode) {
  const int operation = (mode == LockMode::shared ? LOCK_SH : LOCK_EX) | LOCK_NB;
  int result = 0;
  do {
    result = file.fs().flock(file.fd(), operation);
  } while (result == -EINTR);
  if (result == -EWOULDBLOCK) return false;
  if (result < 0) return Error::io("lock", file.path(), -result);
  file.locked_.set();
  return true;
}

Result<bool> names_same_file(const File& file, int dir, const std::string& name) {
  MSB_TRY(const struct stat open, file.status());
  struct stat named {};
  const int result = file.fs().fstatat(dir, name.c_str(), &named, AT_SYMLINK_NOFOLLOW);
  if (result == -ENOENT) return false;
  if (result < 0) return Error::io("stat", file.path(), -result);
  return open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

Result<std::optional<FileLock>> FileLock::try_acquire(Fs& fs, const std::string& path, LockMode mode) {
  for (;;) {
    MSB_TRY(File file, File::open(fs, AT_FDCWD, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    MSB_TRY(const bool granted, try_flock(file, mode));
    if (!granted) return std::optional<FileLock>();
    MSB_TRY(const bool current, names_same_file(file, AT_FDCWD, path));
    if (current) return std::optional<FileLock>(FileLock(std::move(file)));
  }
}

bool FileLock::retire() {
  const File file = std::exchange(file_, {});  // closed at the end: that lets openers go on
  if (!file || !hold_up_openers(file.fd())) return false;
  Fs& fs = file.fs();
  // Renamed first, as somebody may have found it since, or put another in its place. It can be swept as what it is: a
  // lock file whose thing is not there.
  const std::string aside = file.path() + ".lock";
  if (fs.rename(AT_FDCWD, file.path().c_str(), AT_FDCWD, aside.c_str(), RENAME_NOREPLACE) < 0) return false;
  const auto ours = names_same_file(file, AT_FDCWD, aside);
  if (!ours || !*ours || somebody_is_held_up(file.fd())) {
    fs.rename(AT_FDCWD, aside.c_str(), AT_FDCWD, file.path().c_str(), RENAME_NOREPLACE);
    return false;
  }
  return fs.unlink(AT_FDCWD, aside.c_str(), 0) == 0;
}

Result<FileLock> FileLock::acquire(Fs& fs, const std::string& path, LockMode mode, const Call& call,
                                   std::optional<std::chrono::milliseconds> timeout) {
  constexpr std::chrono::milliseconds kLongestPause{20};
  const auto give_up = timeout ? Call::Clock::now() + *timeout : Call::Clock::time_point::max();
  std::chrono::milliseconds pause{1};
  for (;;) {
    MSB_CHECK(call.check());
    MSB_TRY(auto lock, try_acquire(fs, path, mode));
    if (lock) return std::move(*lock);
    if (Call::Clock::now() >= give_up) {
      return Error(Status::busy, "lock is held by another process or thread: " + path).with("path", path);
    }
    MSB_CHECK(call.pause(pause));
    pause = std::min(pause * 2, kLongestPause);
  }
}

}  // namespace msb::os
