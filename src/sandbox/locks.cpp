#include "sandbox/locks.h"

#include <cerrno>

#include "digest/digest.h"
#include "os/dir.h"

namespace msb::sandbox {
namespace {

constexpr char kCreation[] = "creation-locks";
constexpr char kLifecycle[] = "locks";
constexpr size_t kIdDigits = 32;

std::string folder(const image::Context& context, const char* kind) {
  const std::string home = os::parent_path(os::parent_path(context.database.path()));
  return home + "/run/" + kind;
}

std::string lock_path(const image::Context& context, const char* kind, const std::string& name) {
  const Digest digest = Digest::sha256_of(as_bytes(name));
  return folder(context, kind) + "/" + std::string(digest.hex().substr(0, kIdDigits)) + ".lock";
}

Result<os::FileLock> acquire(const image::Context& context, const char* kind, const std::string& name,
                             const Call& call) {
  MSB_CHECK(os::make_dirs(context.fs, folder(context, kind)));
  return os::FileLock::acquire(context.fs, lock_path(context, kind, name), os::LockMode::exclusive, call,
                               context.busy_timeout);
}

Result<std::optional<os::FileLock>> try_acquire(const image::Context& context, const char* kind,
                                                const std::string& name, os::LockMode mode) {
  MSB_CHECK(os::make_dirs(context.fs, folder(context, kind)));
  return os::FileLock::try_acquire(context.fs, lock_path(context, kind, name), mode);
}

}  // namespace

Result<os::FileLock> lock_creation(const image::Context& context, const std::string& name, const Call& call) {
  return acquire(context, kCreation, name, call);
}

Result<std::optional<os::FileLock>> try_lock_creation(const image::Context& context, const std::string& name) {
  return try_acquire(context, kCreation, name, os::LockMode::exclusive);
}

Result<os::FileLock> lock_lifecycle(const image::Context& context, const std::string& name, const Call& call) {
  return acquire(context, kLifecycle, name, call);
}

Result<std::optional<os::FileLock>> try_lock_lifecycle(const image::Context& context, const std::string& name,
                                                       os::LockMode mode) {
  return try_acquire(context, kLifecycle, name, mode);
}

Error lifecycle_is_held(const image::Context& context, const std::string& name) {
  const std::string path = lock_path(context, kLifecycle, name);
  Error cause = Error(Status::busy, "lock is held by another process or thread: " + path).with("path", path);
  return Error(Status::busy, name + " is being started, stopped or copied elsewhere; try again")
      .with("name", name)
      .with("path", path)
      .because(std::move(cause));
}

bool is_lifecycle_locked(const image::Context& context, const std::string& name) {
  const auto file = os::File::open_regular(context.fs, AT_FDCWD, lock_path(context, kLifecycle, name));
  if (!file) return file.error().os_code() != ENOENT;
  const auto granted = os::try_flock(*file, os::LockMode::shared);
  return !granted || !*granted;
}

}  // namespace msb::sandbox
