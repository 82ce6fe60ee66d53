#include "os/remove.h"

#include <array>
#include <cerrno>
#include <optional>
#include <vector>

#include "os/dir.h"

namespace msb::os {
namespace {

constexpr mode_t kOwnerAll = 0700;

struct Identity {
  dev_t dev = 0;
  ino_t ino = 0;
  bool operator==(const Identity&) const = default;
};

/// One walk down and up again. Only the directory it is in is open; the way back is "..", held against what the
/// directory above was on the way down. After every step back the directory is read from its start again, which costs
/// little as what was seen before is gone.
class Removal {
 public:
  Removal(const File& dir, const Call& call) : top_(&dir), call_(&call) {}

  Done run(const std::string& name) {
    MSB_TRY(bool gone, remove_entry(*top_, name));
    if (gone) return {};
    MSB_TRY(const struct stat st, top_->status());
    const Identity above{st.st_dev, st.st_ino};
    MSB_TRY(bool entered, enter(*top_, name, above));
    while (entered && !way_.empty()) {
      MSB_TRY(const auto child, clear_until_child());
      if (child) {
        MSB_CHECK(enter(here_, *child, here_id_));
      } else {
        MSB_CHECK(leave());
      }
    }
    return {};
  }

 private:
  struct Step {
    std::string name;
    Identity above;
  };

  std::string path_of(const std::string& name) const {
    std::string path = top_->path();
    for (const Step& step : way_) path = join_path(path, step.name);
    return join_path(path, name);
  }

  /// True when the entry is gone, false when it is a directory with something in it.
  Result<bool> remove_entry(const File& dir, const std::string& name) {
    MSB_CHECK(call_->check());
    Fs& fs = dir.fs();
    int result = fs.unlink(dir.fd(), name.c_str(), 0);
    if (result == -EISDIR || result == -EPERM) {
      const int as_dir = fs.unlink(dir.fd(), name.c_str(), AT_REMOVEDIR);
      if (as_dir == -ENOTEMPTY || as_dir == -EEXIST) return false;
      if (as_dir != -ENOTDIR) result = as_dir;  // otherwise a file that the kernel protects: the first answer counts
    }
    if (result == 0 || result == -ENOENT) return true;
    return Error::io("remove", path_of(name), -result);
  }

  /// False when the directory has vanished.
  Result<bool> enter(const File& dir, const std::string& name, const Identity& above) {
    Fs& fs = dir.fs();
    auto opened = open_dir(fs, dir.fd(), name, O_NOFOLLOW);
    if (!opened && opened.error().os_code() == EACCES && fs.chmod(dir.fd(), name.c_str(), kOwnerAll) == 0) {
      opened = open_dir(fs, dir.fd(), name, O_NOFOLLOW);
    }
    if (!opened) {
      if (opened.error().os_code() == ENOENT) return false;
      return Error::io("open directory", path_of(name), opened.error().os_code());
    }
    MSB_TRY(const struct stat st, opened->status());
    if (st.st_dev != above.dev) {
      return Error(Status::io, "another filesystem is mounted here, unmount it first: " + path_of(name))
          .with("path", path_of(name));
    }
    if ((st.st_mode & kOwnerAll) != kOwnerAll) fs.fchmod(opened->fd(), kOwnerAll);
    way_.push_back({name, above});
    here_ = std::move(*opened);
    here_id_ = {st.st_dev, st.st_ino};
    return true;
  }

  /// Removes what it can in the current directory; the name of a directory to empty first, or nothing when all is gone.
  Result<std::optional<std::string>> clear_until_child() {
    Fs& fs = here_.fs();
    for (;;) {
      // Reading on while removing may skip entries on some filesystems, so an empty answer must come from a fresh
      // start.
      const int64_t rewound = fs.seek(here_.fd(), 0, SEEK_SET);
      if (rewound < 0) return Error::io("list", path_of(""), static_cast<int>(-rewound));
      bool empty = true;
      for (;;) {
        const ssize_t n = fs.getdents(here_.fd(), buffer_);
        if (n == -ENOENT) return std::optional<std::string>();
        if (n < 0) return Error::io("list", path_of(""), static_cast<int>(-n));
        if (n == 0) break;
        for (size_t at = 0; at < static_cast<size_t>(n);) {
          const auto* entry = reinterpret_cast<const struct dirent64*>(buffer_.data() + at);
          at += entry->d_reclen;
          const std::string name = entry->d_name;
          if (name == "." || name == "..") continue;
          empty = false;
          MSB_TRY(const bool gone, remove_entry(here_, name));
          if (!gone) return std::optional<std::string>(name);
        }
      }
      if (empty) return std::optional<std::string>();
    }
  }

  Done leave() {
    const Step step = std::move(way_.back());
    way_.pop_back();
    if (way_.empty()) return remove_emptied(*top_, step.name);
    MSB_TRY(File above, open_dir(here_.fs(), here_.fd(), ".."));
    MSB_TRY(const struct stat st, above.status());
    here_id_ = {st.st_dev, st.st_ino};
    here_ = std::move(above);
    if (here_id_ != step.above) {
      return Error(Status::io, "directory was moved while it was removed: " + path_of(step.name));
    }
    return remove_emptied(here_, step.name);
  }

  Done remove_emptied(const File& dir, const std::string& name) {
    const int result = dir.fs().unlink(dir.fd(), name.c_str(), AT_REMOVEDIR);
    // Not empty again: somebody writes into it. The walk comes back here until it is empty or the call is stopped.
    if (result == 0 || result == -ENOENT || (result == -ENOTEMPTY && !way_.empty())) return {};
    return Error::io("remove directory", path_of(name), -result);
  }

  const File* top_;
  const Call* call_;
  File here_;
  Identity here_id_;
  std::vector<Step> way_;
  alignas(struct dirent64) std::array<std::byte, size_t{32} << 10> buffer_;
};

}  // namespace

Done remove_tree(const File& dir, const std::string& name, const Call& call) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos) {
    return Error(Status::invalid_argument, "not the name of one directory entry: '" + name + "'");
  }
  return Removal(dir, call).run(name);
}

}  // namespace msb::os
