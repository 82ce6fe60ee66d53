#include "image/lease.h"

#include <array>
#include <cerrno>

#include <sys/random.h>

#include "os/dir.h"

namespace msb::image {
namespace {

constexpr char kGate[] = ".gate";
constexpr size_t kMaxLeaseBytes = 16U << 20;

std::string gate_path(const Context& context) { return context.paths.leases() + "/" + kGate; }

Result<std::string> unique_path(const Context& context) {
  std::array<std::byte, 8> random;
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    return Error::io("choose a name in", context.paths.leases(), errno);
  }
  return context.paths.leases() + "/" + to_hex(random);
}

/// Names of what a lease file lists; a line that is still being written has no end yet, and does not count.
void read_lines(std::string_view text, std::set<std::string, std::less<>>& into) {
  for (size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    into.emplace(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
}

/// Removes the lease file `path` if nobody holds it. Returns true when it was dead.
Result<bool> bury(const Context& context, const os::File& file) {
  MSB_TRY(const bool dead, os::try_flock(file, os::LockMode::exclusive));
  if (!dead || context.read_only) return dead;
  // Its maker may be between creating and locking it: it looks again once it has the lock (Lease::take).
  MSB_TRY(const bool current, os::names_same_file(file, AT_FDCWD, file.path()));
  if (!current) return true;
  const int result = context.fs.unlink(AT_FDCWD, file.path().c_str(), 0);
  if (result < 0 && result != -ENOENT) return Error::io("remove", file.path(), -result);
  return true;
}

/// Visits every lease file. `dead` counts those whose process is gone.
Result<std::set<std::string, std::less<>>> scan(const Context& context, const Call& call, uint32_t& dead) {
  std::set<std::string, std::less<>> needed;
  auto directory = os::open_dir(context.fs, context.paths.leases());
  if (!directory) {
    if (directory.error().os_code() == ENOENT) return needed;
    return std::move(directory).error();
  }
  MSB_TRY(const std::vector<os::DirEntry> entries, os::list_dir(*directory));
  for (const os::DirEntry& entry : entries) {
    MSB_CHECK(call.check());
    if (entry.type != DT_REG || entry.name.front() == '.') continue;
    const std::string path = context.paths.leases() + "/" + entry.name;
    auto file = os::File::open_regular(context.fs, AT_FDCWD, path);
    if (!file) {
      if (file.error().os_code() == ENOENT) continue;  // ended meanwhile
      return std::move(file).error();
    }
    MSB_TRY(const bool was_dead, bury(context, *file));
    if (was_dead) {
      ++dead;
      continue;
    }
    MSB_TRY(const uint64_t size, file->size());
    if (size > kMaxLeaseBytes) {
      return Error(Status::io, "lease is too large to be one of ours: " + path).with("path", path);
    }
    std::string text(size, '\0');
    MSB_TRY(const size_t got, file->read_at(std::as_writable_bytes(std::span(text)), 0));
    read_lines(std::string_view(text).substr(0, got), needed);
  }
  return needed;
}

}  // namespace

Result<Lease> Lease::take(const Context& context, const Call& call) {
  if (context.read_only) return Lease();
  MSB_CHECK(os::make_dirs(context.fs, context.paths.leases()));
  for (;;) {
    MSB_CHECK(call.check());
    MSB_TRY(const std::string path, unique_path(context));
    auto file = os::File::open(context.fs, AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW);
    if (!file) {
      if (file.error().os_code() == EEXIST) continue;
      return std::move(file).error();
    }
    // A sweep may take the new file for a dead one until it is locked; then another one is made.
    MSB_TRY(const bool locked, os::try_flock(*file, os::LockMode::exclusive));
    if (!locked) continue;
    MSB_TRY(const bool current, os::names_same_file(*file, AT_FDCWD, path));
    if (current) return Lease(context, std::move(*file));
  }
}

Lease& Lease::operator=(Lease&& other) noexcept {
  release();
  context_ = other.context_;
  file_ = std::move(other.file_);
  return *this;
}

Done Lease::add(const Digest& needed, const Call& call) const {
  if (!file_) return {};
  MSB_TRY(const os::FileLock gate, os::FileLock::acquire(context_->fs, gate_path(*context_), os::LockMode::shared, call,
                                                         context_->busy_timeout));
  // One write of one line: several threads may add to a lease at once.
  const std::string line = needed.text() + "\n";
  const ssize_t written = context_->fs.write(file_.fd(), as_bytes(line));
  if (written < 0) return Error::io("write", file_.path(), static_cast<int>(-written));
  if (static_cast<size_t>(written) != line.size()) return Error::io("write", file_.path(), ENOSPC);
  return {};
}

void Lease::release() {
  if (!file_) return;
  // Only now may the file go: it is still locked, so nobody else has judged it.
  context_->fs.unlink(AT_FDCWD, file_.path().c_str(), 0);
  file_ = os::File();
}

Result<SweepGate> SweepGate::close(const Context& context, const Call& call) {
  MSB_CHECK(os::make_dirs(context.fs, context.paths.leases()));
  MSB_TRY(os::FileLock lock,
          os::FileLock::acquire(context.fs, gate_path(context), os::LockMode::exclusive, call, context.busy_timeout));
  return SweepGate(std::move(lock));
}

Result<std::set<std::string, std::less<>>> live_leases(const Context& context, const Call& call) {
  uint32_t dead = 0;
  return scan(context, call, dead);
}

Result<uint32_t> sweep_leases(const Context& context, const Call& call) {
  uint32_t dead = 0;
  MSB_TRY(const auto needed, scan(context, call, dead));
  static_cast<void>(needed);
  return dead;
}

}  // namespace msb::image
