#include "os/output_file.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdio>

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "os/descriptor.h"
#include "os/dir.h"
#include "os/lock.h"

namespace msb::os {
namespace {

constexpr uint64_t kFlushStep = uint64_t{8} << 20;
constexpr int kMaxLinks = 40;  // as the kernel follows
constexpr int kAttempts = 16;
constexpr std::chrono::milliseconds kReaderLook{20};

/// What a name leads to.
struct Target {
  std::string path;               ///< without the links before it
  std::optional<struct stat> st;  ///< nothing: it is free
  bool magic = false;             ///< a link of procfs, which only the kernel can follow
};

/// The file system's own rule for links in a directory like /tmp, which the kernel applies where it follows them:
/// nobody is led by a stranger's.
Done check_link(Fs& fs, const std::string& link, const struct stat& st) {
  struct stat parent {};
  const std::string directory = parent_path(link);
  const int result = fs.fstatat(AT_FDCWD, directory.c_str(), &parent, 0);
  if (result < 0) return Error::io("stat", directory, -result);
  constexpr mode_t kEverybodys = S_ISVTX | S_IWOTH;
  if ((parent.st_mode & kEverybodys) != kEverybodys) return {};
  if (st.st_uid == ::geteuid() || st.st_uid == parent.st_uid) return {};
  return Error::io("follow the link of another user", link, EACCES);
}

/// Where a link leads, one step.
Result<std::string> follow(const std::string& link) {
  std::array<char, PATH_MAX> text{};
  const ssize_t length = ::readlink(link.c_str(), text.data(), text.size());
  if (length < 0) return Error::io("read the link", link, errno);
  const std::string_view to(text.data(), static_cast<size_t>(length));
  return to.starts_with('/') ? std::string(to) : join_path(parent_path(link), to);
}

bool is_on_procfs(const std::string& directory) {
  struct statfs at {};
  return ::statfs(directory.c_str(), &at) == 0 && at.f_type == PROC_SUPER_MAGIC;
}

Result<Target> find_target(Fs& fs, std::string path) {
  for (int links = 0; links <= kMaxLinks; ++links) {
    struct stat st {};
    const int result = fs.fstatat(AT_FDCWD, path.c_str(), &st, AT_SYMLINK_NOFOLLOW);
    if (result == -ENOENT) return Target{path, std::nullopt};
    if (result < 0) return Error::io("stat", path, -result);
    if (!S_ISLNK(st.st_mode)) return Target{path, st};
    if (is_on_procfs(parent_path(path))) {
      const int followed = fs.fstatat(AT_FDCWD, path.c_str(), &st, 0);
      if (followed < 0) return Error::io("stat", path, -followed);
      return Target{path, st, true};
    }
    MSB_CHECK(check_link(fs, path, st));
    MSB_TRY(path, follow(path));
  }
  return Error::io("open", path, ELOOP);
}

/// The descriptor of this process that a name in procfs stands for.
std::optional<int> own_descriptor(const std::string& path) {
  const auto directory = canonical_path(join_path(parent_path(path), "."));
  const std::string process = "/proc/" + std::to_string(::getpid());
  if (!directory || (*directory != process + "/fd" && !directory->starts_with(process + "/task/"))) return std::nullopt;
  const std::string name = base_name(path);
  int fd = -1;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), fd);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return fd;
}

/// Whether a file is mounted over another, as single files are into containers: it cannot be replaced then.
bool is_mount_point(const std::string& path) {
  struct statx st {};
  if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, 0, &st) != 0) return false;
  return (st.stx_attributes_mask & st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

std::string path_of_descriptor(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

/// A file without a name that can be given one later; nothing where the file system, or a missing /proc, forbids it.
Result<std::optional<File>> open_unnamed(Fs& fs, const std::string& directory, mode_t mode) {
  auto file = File::open(fs, AT_FDCWD, directory, O_TMPFILE | O_RDWR, mode);
  if (!file) {
    const int code = file.error().os_code();
    if (code == EOPNOTSUPP || code == EISDIR || code == EINVAL || code == ENOENT) return std::optional<File>();
    return std::move(file).error();
  }
  MSB_TRY(const struct stat own, file->status());
  struct stat seen {};
  const bool reachable = fs.fstatat(AT_FDCWD, path_of_descriptor(file->fd()).c_str(), &seen, 0) == 0 &&
                         seen.st_dev == own.st_dev && seen.st_ino == own.st_ino;
  if (!reachable) return std::optional<File>();
  return std::optional(*std::move(file));
}

}  // namespace

Done NewFileSink::write(Bytes bytes) {
  MSB_CHECK(file_->write_at(bytes, offset_));
  offset_ += bytes.size();
  if (offset_ - flushed_ >= kFlushStep) {
    file_->start_writeback(flushed_, offset_ - flushed_);
    flushed_ = offset_;
  }
  return {};
}

Done NewFileSink::zeros(uint64_t count) {
  offset_ += count;
  return {};
}

Result<std::unique_ptr<OutputFile>> OutputFile::open(Fs& fs, const std::string& path, const Options& options,
                                                     const Call& call) {
  std::unique_ptr<OutputFile> output(new OutputFile());
  MSB_TRY(const Target target, find_target(fs, path));
  if (target.st && S_ISDIR(target.st->st_mode)) return Error::io("write", path, EISDIR);
  if (target.magic) {
    if (const auto fd = own_descriptor(target.path)) {
      MSB_CHECK(output->write_descriptor(fs, *fd, path, call));
      return output;
    }
  }
  const bool regular = !target.st || S_ISREG(target.st->st_mode);
  if (!regular || target.magic || (target.st && is_mount_point(target.path))) {
    MSB_CHECK(output->write_into(fs, target.path, *target.st, call));
    return output;
  }
  const std::string directory = parent_path(target.path);
  if (options.make_parents) MSB_CHECK(make_dirs(fs, directory));
  // What was left by processes that were killed where files need a name: nobody else would look for it there.
  static_cast<void>(sweep_leftovers(fs, directory, call));
  MSB_CHECK(output->stage(fs, target.path, options.mode));
  return output;
}

std::unique_ptr<OutputFile> OutputFile::on_descriptor(int fd, const Call& call) {
  std::unique_ptr<OutputFile> output(new OutputFile());
  output->sink_ = std::make_unique<DescriptorSink>(fd, "descriptor " + std::to_string(fd), call);
  return output;
}

Done OutputFile::write_descriptor(Fs& fs, int fd, const std::string& path, const Call& call) {
  MSB_TRY(file_, File::duplicate(fs, fd, path));
  sink_ = std::make_unique<DescriptorSink>(file_.fd(), path, call);
  return {};
}

Done OutputFile::write_into(Fs& fs, const std::string& path, const struct stat& st, const Call& call) {
  int flags = O_WRONLY | O_NOCTTY;
  if (S_ISREG(st.st_mode)) {
    flags |= O_TRUNC;
  } else if (S_ISBLK(st.st_mode)) {
    flags |= O_EXCL;  // refuses a disk that is mounted
  } else {
    flags |= O_NONBLOCK;
  }
  for (;;) {
    auto opened = File::open(fs, AT_FDCWD, path, flags);
    if (opened) {
      file_ = *std::move(opened);
      break;
    }
    if (!S_ISFIFO(st.st_mode) || opened.error().os_code() != ENXIO) return std::move(opened).error();
    MSB_CHECK(call.pause(kReaderLook));
  }
  sync_ = S_ISREG(st.st_mode) || S_ISBLK(st.st_mode);
  sink_ = std::make_unique<DescriptorSink>(file_.fd(), path, call);
  return {};
}

Done OutputFile::stage(Fs& fs, const std::string& path, mode_t mode) {
  const std::string directory = parent_path(path);
  target_ = path;
  MSB_TRY(auto unnamed, open_unnamed(fs, directory, mode));
  if (unnamed) {
    MSB_TRY(directory_, open_dir(fs, directory));
    file_ = *std::move(unnamed);
  } else {
    MSB_TRY(named_, StagedFile::create(fs, directory, mode));
  }
  auto sink = std::make_unique<NewFileSink>(named_ ? named_->file() : file_);
  new_file_ = sink.get();
  sink_ = std::move(sink);
  return {};
}

/// Much may have happened since the name was looked at: only a regular file is ever replaced.
Done OutputFile::check_target() const {
  Fs& fs = named_ ? named_->file().fs() : file_.fs();
  struct stat st {};
  const int result = fs.fstatat(AT_FDCWD, target_.c_str(), &st, AT_SYMLINK_NOFOLLOW);
  if (result == -ENOENT) return {};
  if (result < 0) return Error::io("stat", target_, -result);
  if (S_ISREG(st.st_mode)) return {};
  return Error(Status::io, "what came to have the name meanwhile is no regular file, and stays: " + target_)
      .with("path", target_)
      .with_os_code(EEXIST);
}

Done OutputFile::link_unnamed() {
  Fs& fs = directory_.fs();
  const std::string from = path_of_descriptor(file_.fd());
  const auto link_as = [&](const std::string& name) {
    return fs.link(AT_FDCWD, from.c_str(), directory_.fd(), name.c_str(), AT_SYMLINK_FOLLOW);
  };
  const std::string name = base_name(target_);
  int result = link_as(name);
  if (result == -EEXIST) {
    // Only a rename replaces, and it needs a name: one that a sweep knows, and leaves alone while it is locked.
    MSB_TRY(const bool locked, try_flock(file_, LockMode::exclusive));
    if (!locked) return Error::io("lock", target_, EWOULDBLOCK);
    std::string staged = new_staging_name();
    result = link_as(staged);
    for (int attempt = 0; result == -EEXIST && attempt < kAttempts; ++attempt) {
      staged = new_staging_name();
      result = link_as(staged);
    }
    if (result == 0) {
      result = fs.rename(directory_.fd(), staged.c_str(), directory_.fd(), name.c_str(), 0);
      if (result < 0) fs.unlink(directory_.fd(), staged.c_str(), 0);
    }
  }
  if (result < 0) return Error::io("publish", target_, -result);
  return directory_.sync();
}

Done OutputFile::finish() {
  if (target_.empty()) return sync_ ? file_.sync() : Done();
  MSB_CHECK(new_file_->finish());
  if (named_) {
    MSB_CHECK(named_->file().sync());
    MSB_CHECK(check_target());
    return named_->publish(target_, Existing::replace);
  }
  MSB_CHECK(file_.sync());
  MSB_CHECK(check_target());
  return link_unnamed();
}

}  // namespace msb::os
