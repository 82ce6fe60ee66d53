#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/call.h"
#include "os/file.h"

namespace msb::os {

enum class LockMode { shared, exclusive };

/// flock(2) on a lock file, held until the object goes or release(). Excludes other processes and other threads alike.
/// Lock files are made when missing (0600, never through a symlink), and go only with retire(). Other programs unlink
/// them without such care, so a lock counts only once the path still leads to the file that was locked.
class FileLock {
 public:
  /// Waits for the lock; cancel and deadline of `call` end the wait. With a timeout the wait ends after it with
  /// Status::busy naming the lock.
  static Result<FileLock> acquire(Fs& fs, const std::string& path, LockMode mode, const Call& call,
                                  std::optional<std::chrono::milliseconds> timeout = std::nullopt);
  /// Nothing when somebody else holds it.
  static Result<std::optional<FileLock>> try_acquire(Fs& fs, const std::string& path, LockMode mode);

  const std::string& path() const { return file_.path(); }
  /// A process that inherits it holds the lock too.
  int fd() const { return file_.fd(); }
  void release() { file_ = File(); }
  /// Gives the lock up, and removes its file unless somebody else has it open: one who waits for the lock, or is just
  /// about to, must not get that of a file which nobody else can find. The file also stays where the kernel cannot
  /// tell. True when it has gone. Only who looks, as acquire() does, whether the path still leads to the file is safe
  /// in every case.
  bool retire();
  /// From here on a process that has inherited it decides when it ends: here it is only closed.
  void hand_on() { file_.locked_.take(); }

 private:
  explicit FileLock(File file) : file_(std::move(file)) {}

  File file_;
};

/// flock on an open file or directory without waiting: whether it was granted. The lock ends with the object.
Result<bool> try_flock(const File& file, LockMode mode);

/// True when `name` below `dir` is the very file that is open as `file` (same device and inode).
Result<bool> names_same_file(const File& file, int dir, const std::string& name);

}  // namespace msb::os
