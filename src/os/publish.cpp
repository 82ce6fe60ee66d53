#include "os/publish.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include <sys/random.h>

#include "os/dir.h"
#include "os/lock.h"
#include "os/remove.h"

namespace msb::os {
namespace {

constexpr std::string_view kStaging = ".staging-";
constexpr std::string_view kTrash = ".trash-";
constexpr std::string_view kSwap = ".swap-";
constexpr char kRetiredMark[] = ".retired";
constexpr size_t kUniqueLength = 16;
constexpr int kAttempts = 16;

// From how many files on one syncfs is cheaper than an fsync each, although it waits for everybody's data.
constexpr size_t kManyFiles = 16;

std::string unique_name(std::string_view prefix) {
  std::array<std::byte, kUniqueLength / 2> random;
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) std::abort();
  return std::string(prefix) + to_hex(random);
}

bool is_unique_name(std::string_view name, std::string_view prefix) {
  return name.size() == prefix.size() + kUniqueLength && name.starts_with(prefix) &&
         from_hex(name.substr(prefix.size())).has_value();
}

/// What the directory was called before it made room (`.swap-…`), or nothing.
std::string_view swapped_from(std::string_view name) {
  const size_t own = kSwap.size() + kUniqueLength;
  if (name.size() < own + 2 || name[own] != '-' || !is_unique_name(name.substr(0, own), kSwap)) return {};
  return name.substr(own + 1);
}

bool flags_unsupported(int result) { return result == -EINVAL || result == -ENOSYS; }

/// renameat2 with RENAME_NOREPLACE. Where a filesystem lacks the flag, a hard link does the same for a file. For a
/// directory a look before a plain rename does: that can at worst take the place of an empty directory.
int rename_noreplace(Fs& fs, int from_dir, const std::string& from, int to_dir, const std::string& to) {
  const int result = fs.rename(from_dir, from.c_str(), to_dir, to.c_str(), RENAME_NOREPLACE);
  if (!flags_unsupported(result)) return result;
  const int linked = fs.link(from_dir, from.c_str(), to_dir, to.c_str(), 0);
  if (linked == 0) {
    fs.unlink(from_dir, from.c_str(), 0);
    return 0;
  }
  if (linked == -EEXIST) return linked;
  struct stat st {};
  const int found = fs.fstatat(to_dir, to.c_str(), &st, AT_SYMLINK_NOFOLLOW);
  if (found == 0) return -EEXIST;
  if (found != -ENOENT) return found;
  return fs.rename(from_dir, from.c_str(), to_dir, to.c_str(), 0);
}

/// Moves `name` out of the way to a fresh name behind `prefix`, which it returns.
Result<std::string> move_aside(const File& root, const std::string& name, std::string_view prefix,
                               const std::string& suffix = "") {
  for (int attempt = 0;; ++attempt) {
    std::string aside = unique_name(prefix) + suffix;
    const int result = rename_noreplace(root.fs(), root.fd(), name, root.fd(), aside);
    if (result == 0) return aside;
    if (result != -EEXIST || attempt == kAttempts) {
      return Error::io("retire", join_path(root.path(), name), -result);
    }
  }
}

/// Gives up a directory where it is, for good.
Done mark_retired(const File& dir) {
  MSB_TRY(const File open, open_dir(dir.fs(), dir.fd(), "."));
  MSB_TRY(const File mark, File::open(dir.fs(), open.fd(), kRetiredMark, O_WRONLY | O_CREAT | O_NOFOLLOW, 0600));
  Done synced = open.sync();
  if (!synced) dir.fs().unlink(open.fd(), kRetiredMark, 0);
  return synced;
}

/// Removes a directory that was given up where it is. The mark goes last, so that a sweep can finish the work.
Done remove_retired(const File& root, const std::string& name, const Call& call) {
  {
    auto dir = open_dir(root.fs(), root.fd(), name, O_NOFOLLOW);
    if (!dir && dir.error().os_code() == ENOENT) return {};
    if (!dir) return std::move(dir).error();
    MSB_TRY(const auto entries, list_dir(*dir));
    for (const DirEntry& entry : entries) {
      if (entry.name != kRetiredMark) MSB_CHECK(remove_tree(*dir, entry.name, call));
    }
    MSB_CHECK(dir->sync());
  }
  return remove_tree(root, name, call);
}

/// Locks what was just created as `name`. False when a sweep was quicker: the name is then lost to it.
Result<bool> claim(const File& created, const File& directory, const std::string& name) {
  MSB_TRY(const bool granted, try_flock(created, LockMode::exclusive));
  if (!granted) return false;
  return names_same_file(created, directory.fd(), name);
}

/// Opens and locks a leftover. Nothing when it is none, its maker lives, or it has gone.
Result<std::optional<File>> seize(const File& root, const DirEntry& entry) {
  if (!is_leftover_name(entry.name) || (entry.type != DT_REG && entry.type != DT_DIR)) return std::optional<File>();
  const std::string path = join_path(root.path(), entry.name);
  auto leftover = File::open(root.fs(), AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!leftover) {
    const int code = leftover.error().os_code();
    if (code == ENOENT || code == EACCES || code == ELOOP) return std::optional<File>();  // gone, or not ours to judge
    return std::move(leftover).error();
  }
  MSB_TRY(const bool unheld, claim(*leftover, root, entry.name));
  if (!unheld) return std::optional<File>();
  return std::optional(*std::move(leftover));
}

/// Whether an entry is a directory that was given up where it is.
Result<bool> is_retired_in(const File& root, const DirEntry& entry) {
  if (entry.type != DT_DIR) return false;
  struct stat st {};
  const std::string mark = join_path(entry.name, kRetiredMark);
  const int result = root.fs().fstatat(root.fd(), mark.c_str(), &st, AT_SYMLINK_NOFOLLOW);
  // What may not be looked into, or has gone, is none of ours.
  if (result == -ENOENT || result == -ENOTDIR || result == -EACCES) return false;
  if (result < 0) return Error::io("stat", join_path(root.path(), mark), -result);
  return true;
}

Error no_unique_name(const File& directory) { return Error::io("create a staging name in", directory.path(), EEXIST); }

}  // namespace

std::string new_staging_name() { return unique_name(kStaging); }

bool is_leftover_name(std::string_view name) {
  return is_unique_name(name, kStaging) || is_unique_name(name, kTrash) || !swapped_from(name).empty();
}

// --- files

Result<StagedFile> StagedFile::create(Fs& fs, const std::string& directory, mode_t mode) {
  MSB_TRY(File dir, open_dir(fs, directory));
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::string name = unique_name(kStaging);
    const std::string path = join_path(directory, name);
    auto file = File::open(fs, AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    if (!file && file.error().os_code() == EEXIST) continue;
    if (!file) return std::move(file).error();
    StagedFile staged(std::move(dir), std::move(*file), std::move(name));
    MSB_TRY(const bool ours, claim(staged.file_, staged.directory_, staged.name_));
    if (ours) return staged;
    dir = std::move(staged.directory_);
    staged.name_.clear();
  }
  return no_unique_name(dir);
}

StagedFile& StagedFile::operator=(StagedFile&& other) noexcept {
  if (this != &other) {
    discard();
    directory_ = std::move(other.directory_);
    file_ = std::move(other.file_);
    name_ = std::exchange(other.name_, {});
  }
  return *this;
}

void StagedFile::discard() {
  if (name_.empty() || !directory_) return;
  directory_.fs().unlink(directory_.fd(), name_.c_str(), 0);
  name_.clear();
}

Done StagedFile::rename_to(const std::string& target, Existing existing) {
  Fs& fs = directory_.fs();
  const int result = existing == Existing::refuse
                         ? rename_noreplace(fs, directory_.fd(), name_, AT_FDCWD, target)
                         : fs.rename(directory_.fd(), name_.c_str(), AT_FDCWD, target.c_str(), 0);
  if (result < 0) return Error::io("publish", target, -result);
  name_.clear();
  return {};
}

Done StagedFile::publish(const std::string& target, Existing existing) {
  const Publication one{this, target};
  return publish_all({&one, 1}, existing);
}

Done publish_all(std::span<const Publication> files, Existing existing) {
  if (files.empty()) return {};
  if (files.size() < kManyFiles) {
    for (const Publication& one : files) MSB_CHECK(one.file->file_.sync());
  } else {
    MSB_CHECK(files.front().file->file_.sync_filesystem());
  }
  std::vector<std::string> parents;
  for (const Publication& one : files) {
    MSB_CHECK(one.file->rename_to(one.target, existing));
    std::string parent = parent_path(one.target);
    if (std::find(parents.begin(), parents.end(), parent) == parents.end()) parents.push_back(std::move(parent));
  }
  for (const std::string& parent : parents) {
    MSB_TRY(const File dir, open_dir(files.front().file->file_.fs(), parent));
    MSB_CHECK(dir.sync());
  }
  return {};
}

// --- directories

Result<StagedDir> StagedDir::create(Fs& fs, const std::string& root_path) {
  MSB_TRY(File root, open_dir(fs, root_path));
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::string name = unique_name(kStaging);
    const std::string path = join_path(root_path, name);
    const int made = fs.mkdir(root.fd(), name.c_str(), 0700);
    if (made == -EEXIST) continue;
    if (made < 0) return Error::io("create directory", path, -made);
    auto dir = open_dir(fs, AT_FDCWD, path, O_NOFOLLOW);
    if (!dir && dir.error().os_code() == ENOENT) continue;  // a sweep was quicker
    if (!dir) {
      fs.unlink(root.fd(), name.c_str(), AT_REMOVEDIR);
      return std::move(dir).error();
    }
    StagedDir staged(std::move(root), std::move(*dir), std::move(name));
    MSB_TRY(const bool ours, claim(staged.dir_, staged.root_, staged.name_));
    if (ours) return staged;
    root = std::move(staged.root_);
    staged.name_.clear();
  }
  return no_unique_name(root);
}

StagedDir& StagedDir::operator=(StagedDir&& other) noexcept {
  if (this != &other) {
    discard();
    root_ = std::move(other.root_);
    dir_ = std::move(other.dir_);
    name_ = std::exchange(other.name_, {});
  }
  return *this;
}

void StagedDir::discard() {
  if (name_.empty() || !root_) return;
  (void)remove_tree(root_, name_, Call());  // what resists is left to the sweep
  name_.clear();
}

Result<File> StagedDir::create_file(const std::string& name, mode_t mode) const {
  return File::open(dir_.fs(), AT_FDCWD, join_path(dir_.path(), name), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
}

Done StagedDir::sync_contents() const {
  MSB_TRY(const auto entries, list_dir(dir_));
  const bool few_files = entries.size() < kManyFiles &&
                         std::all_of(entries.begin(), entries.end(), [](const auto& e) { return e.type == DT_REG; });
  if (!few_files) return dir_.sync_filesystem();
  for (const DirEntry& entry : entries) {
    MSB_TRY(const File file, File::open_regular(dir_.fs(), AT_FDCWD, join_path(dir_.path(), entry.name)));
    MSB_CHECK(file.sync());
  }
  return dir_.sync();
}

/// Takes `name` from what has it, which gets the name that this directory had. What comes out may be another one than
/// was asked about, when it has changed in this very moment: then it is asked about again.
Result<StagedDir::Taken> StagedDir::take_place_of(const std::string& name, const MayReplace& may_replace) {
  Fs& fs = root_.fs();
  const auto look = [&](const std::string& at) {
    return File::open(fs, AT_FDCWD, join_path(root_.path(), at), O_PATH | O_NOFOLLOW);
  };
  auto occupant = look(name);
  if (!occupant && occupant.error().os_code() == ENOENT) return Taken::vanished;
  if (!occupant) return std::move(occupant).error();
  if (may_replace) {
    Done judged = may_replace(*occupant);
    if (!judged) {
      // Unless it went away meanwhile, and what was in it before it.
      const auto still = names_same_file(*occupant, root_.fd(), name);
      return still && !*still ? Result<Taken>(Taken::vanished) : Result<Taken>(std::move(judged).error());
    }
  }
  const int result = fs.rename(root_.fd(), name_.c_str(), root_.fd(), name.c_str(), RENAME_EXCHANGE);
  if (result == -ENOENT) return Taken::vanished;
  if (flags_unsupported(result)) return take_place_by_two_renames(name, *occupant);
  if (result == -EXDEV) return take_place_of_lower(name, *occupant);
  if (result < 0) return Error::io("publish", join_path(root_.path(), name), -result);
  if (!may_replace) return Taken::exchanged;
  auto same = names_same_file(*occupant, root_.fd(), name_);
  if (same && *same) return Taken::exchanged;
  auto other = look(name_);
  if (!other && other.error().os_code() == ENOENT) return Taken::exchanged;  // a sweep was quicker
  Done judged = other ? may_replace(*other) : Done(std::move(other).error());
  if (judged) return Taken::exchanged;
  MSB_CHECK(give_back(name));
  return std::move(judged).error();
}

/// Undoes an exchange. What must not be replaced is never lost: if `name` has gone to a third meanwhile, it stays
/// beside it under a name that no sweep removes.
Done StagedDir::give_back(const std::string& name) {
  Fs& fs = root_.fs();
  const int back = fs.rename(root_.fd(), name_.c_str(), root_.fd(), name.c_str(), RENAME_EXCHANGE);
  if (back == 0) {
    MSB_TRY(const bool ours, names_same_file(dir_, root_.fd(), name_));
    if (ours) return root_.sync();
    const int again = fs.rename(root_.fd(), name_.c_str(), root_.fd(), name.c_str(), RENAME_EXCHANGE);
    if (again < 0) return Error::io("put back", join_path(root_.path(), name), -again);
  } else if (back == -ENOENT && rename_noreplace(fs, root_.fd(), name_, root_.fd(), name) == 0) {
    name_.clear();
    return root_.sync();
  }
  MSB_TRY(const std::string kept, move_aside(root_, name_, name + ".displaced-"));
  name_.clear();
  MSB_CHECK(root_.sync());
  const std::string path = join_path(root_.path(), kept);
  return Error(Status::io,
               "others replaced " + join_path(root_.path(), name) + " meanwhile; what it was is now " + path)
      .with("path", path);
}

/// Where the kernel cannot exchange: two renames with a moment between them in which `name` is missing. The lock keeps
/// sweeps away, and after a crash in that moment the sweep puts the old directory back by what its name says.
Result<StagedDir::Taken> StagedDir::take_place_by_two_renames(const std::string& name, const File& occupant) {
  Fs& fs = root_.fs();
  const std::string target = join_path(root_.path(), name);
  MSB_TRY(const File lock, open_dir(fs, AT_FDCWD, target, O_NOFOLLOW));
  MSB_TRY(const bool granted, try_flock(lock, LockMode::exclusive));
  if (!granted) return Error(Status::busy, "somebody else replaces " + target).with("path", target);
  MSB_TRY(std::string replaced, move_aside(root_, name, kSwap, "-" + name));
  MSB_TRY(const bool same, names_same_file(occupant, root_.fd(), replaced));
  const int result = same ? rename_noreplace(fs, root_.fd(), name_, root_.fd(), name) : -EEXIST;
  if (result < 0) {
    rename_noreplace(fs, root_.fd(), replaced, root_.fd(), name);
    if (!same) return Taken::vanished;
    return Error::io("publish", target, -result);
  }
  name_ = std::move(replaced);
  return Taken::exchanged;
}

/// In place of a directory of a lower layer, which cannot be renamed. This one waits beside it; the old one is gone
/// from the moment that it is marked, and what remains of it then is removed by whoever comes first, we or a sweep,
/// which also puts this one in its place.
Result<StagedDir::Taken> StagedDir::take_place_of_lower(const std::string& name, const File& occupant) {
  Fs& fs = root_.fs();
  const std::string target = join_path(root_.path(), name);
  MSB_TRY(name_, move_aside(root_, name_, kSwap, "-" + name));
  MSB_CHECK(root_.sync());
  MSB_TRY(const bool same, names_same_file(occupant, root_.fd(), name));
  if (!same) return Taken::vanished;
  MSB_CHECK(mark_retired(occupant));
  const std::string waiting = std::exchange(name_, {});
  Done removed = remove_retired(root_, name, Call());
  if (!removed) return std::move(removed).error().in("'recover' completes the replacement of " + target);
  const int result = rename_noreplace(fs, root_.fd(), waiting, root_.fd(), name);
  if (result < 0 && result != -ENOENT) return Error::io("publish", target, -result);  // or a sweep was quicker
  return Taken::exchanged;
}

Result<Retired> StagedDir::publish(const std::string& name, Existing existing, const MayReplace& may_replace) {
  MSB_CHECK(sync_contents());
  Fs& fs = root_.fs();
  bool replaced = false;
  for (int attempt = 0; !replaced; ++attempt) {
    const int result = rename_noreplace(fs, root_.fd(), name_, root_.fd(), name);
    if (result == 0) break;
    const bool may_retry = result == -EEXIST && existing == Existing::replace && attempt <= kAttempts;
    if (!may_retry) return Error::io("publish", join_path(root_.path(), name), -result);
    MSB_TRY(const Taken taken, take_place_of(name, may_replace));
    replaced = taken == Taken::exchanged;
  }
  const std::string old = replaced ? std::exchange(name_, {}) : std::string();
  name_.clear();
  MSB_CHECK(root_.sync());
  if (old.empty()) return Retired();
  auto trash = move_aside(root_, old, kTrash);
  if (!trash) return Retired();  // published all the same; the sweep knows the other name too
  return Retired(std::move(root_), std::move(*trash));
}

// --- removal

Retired Retired::in_place(File root, std::string name) {
  Retired retired(std::move(root), std::move(name));
  retired.in_place_ = true;
  return retired;
}

Done Retired::remove(const Call& call) const {
  if (name_.empty()) return {};
  if (in_place_) return remove_retired(root_, name_, call);
  return remove_tree(root_, name_, call);
}

Result<bool> Retired::leads_to(const File& file) const {
  MSB_TRY(const struct stat open, file.status());
  struct stat named {};
  const int result = root_.fs().fstatat(root_.fd(), name_.c_str(), &named, 0);
  if (result < 0) return Error::io("stat", join_path(root_.path(), name_), -result);
  return open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

Done Retired::put_back(const std::string& name) const {
  if (in_place_) {
    const std::string mark = join_path(name_, kRetiredMark);
    const int unmarked = root_.fs().unlink(root_.fd(), mark.c_str(), 0);
    if (unmarked < 0) return Error::io("put back", join_path(root_.path(), name), -unmarked);
    return {};
  }
  const int result = rename_noreplace(root_.fs(), root_.fd(), name_, root_.fd(), name);
  if (result < 0) return Error::io("put back", join_path(root_.path(), name), -result);
  return root_.sync();
}

Result<Retired> retire(Fs& fs, const std::string& root_path, const std::string& name) {
  MSB_TRY(File root, open_dir(fs, root_path));
  auto trash = move_aside(root, name, kTrash);
  if (!trash && trash.error().os_code() == EXDEV) {
    MSB_TRY(const File dir, open_dir(fs, root.fd(), name, O_NOFOLLOW));
    MSB_CHECK(mark_retired(dir));
    return Retired::in_place(std::move(root), name);
  }
  if (!trash) return std::move(trash).error();
  MSB_CHECK(root.sync());
  return Retired(std::move(root), *std::move(trash));
}

Result<bool> is_retired(const File& dir) {
  struct stat st {};
  const int result = dir.fs().fstatat(dir.fd(), kRetiredMark, &st, AT_SYMLINK_NOFOLLOW);
  if (result == -ENOENT) return false;
  if (result < 0) return Error::io("stat", join_path(dir.path(), kRetiredMark), -result);
  return true;
}

Done move(Fs& fs, const std::string& root_path, const std::string& from, const std::string& to) {
  MSB_TRY(const File root, open_dir(fs, root_path));
  const int result = rename_noreplace(fs, root.fd(), from, root.fd(), to);
  if (result < 0) return Error::io("rename", join_path(root_path, from), -result);
  return root.sync();
}

Result<bool> exchange(Fs& fs, const std::string& root_path, const std::string& one, const std::string& other) {
  MSB_TRY(const File root, open_dir(fs, root_path));
  const int result = fs.rename(root.fd(), one.c_str(), root.fd(), other.c_str(), RENAME_EXCHANGE);
  if (flags_unsupported(result) || result == -EXDEV) return false;
  if (result < 0) return Error::io("exchange", join_path(root_path, one), -result);
  MSB_CHECK(root.sync());
  return true;
}

Result<size_t> sweep_leftovers(Fs& fs, const std::string& root_path, const Call& call) {
  MSB_TRY(const File root, open_dir(fs, root_path));
  MSB_TRY(const auto entries, list_dir(root));
  size_t swept = 0;
  // What was given up where it is makes room for what may be waiting for its name.
  for (const DirEntry& entry : entries) {
    MSB_CHECK(call.check());
    MSB_TRY(const bool retired, is_retired_in(root, entry));
    if (!retired) continue;
    MSB_CHECK(remove_retired(root, entry.name, call));
    ++swept;
  }
  if (swept != 0) MSB_CHECK(root.sync());
  for (const DirEntry& entry : entries) {
    MSB_CHECK(call.check());
    MSB_TRY(const auto leftover, seize(root, entry));
    if (!leftover) continue;
    // The rename that made it a leftover must not be undone by a crash after its content is gone.
    if (swept == 0) MSB_CHECK(root.sync());
    std::string name = entry.name;
    if (const std::string home(swapped_from(name)); !home.empty()) {
      int back = rename_noreplace(fs, root.fd(), name, root.fd(), home);
      // An empty directory is all that remains of one that was given up where it was.
      if (back == -EEXIST && fs.unlink(root.fd(), home.c_str(), AT_REMOVEDIR) == 0) {
        back = rename_noreplace(fs, root.fd(), name, root.fd(), home);
      }
      if (back < 0 && back != -EEXIST) return Error::io("put back", join_path(root_path, home), -back);
      if (back == 0) continue;
      // Under this name a half removed directory could be put back after the next crash.
      MSB_TRY(name, move_aside(root, name, kTrash));
    }
    MSB_CHECK(remove_tree(root, name, call));
    ++swept;
  }
  return swept;
}

Result<std::vector<std::string>> find_leftovers(Fs& fs, const std::string& root_path, const Call& call) {
  MSB_TRY(const File root, open_dir(fs, root_path));
  MSB_TRY(const auto entries, list_dir(root));
  std::vector<std::string> names;
  for (const DirEntry& entry : entries) {
    MSB_CHECK(call.check());
    MSB_TRY(const bool retired, is_retired_in(root, entry));
    if (retired) {
      names.push_back(entry.name);
      continue;
    }
    MSB_TRY(const auto leftover, seize(root, entry));
    if (leftover) names.push_back(entry.name);
  }
  return names;
}

}  // namespace msb::os
