#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/call.h"
#include "os/file.h"

namespace msb::os {

// The one way files and directories come into being and go away in a home. Whatever is made is staged under a unique
// name, synced, and published by one rename; whatever goes is renamed to a unique name first. A crash at any point
// leaves the old state or the new one, and perhaps leftovers, which sweep_leftovers() finds by their names:
//
//   .staging-<16 hex>          being written; its writer holds a flock on it
//   .trash-<16 hex>            given up; nobody needs it
//   .swap-<16 hex>-<name>      only where the kernel cannot exchange two names: what <name> was, while it is replaced.
//                              When <name> is missing it goes back there.
//
// A directory that comes from a lower layer of overlayfs cannot be renamed (EXDEV). It is given up where it is: a file
// .retired in it says so, and sweep_leftovers() removes it with what is left in it. What is to have its name waits as
// .swap-<16 hex>-<name>.

enum class Existing {
  refuse,   ///< a taken name is a failure with os_code EEXIST
  replace,  ///< what has the name is replaced, atomically
};

/// Decides whether what has a name may be replaced: success, or the reason why not. `occupant` is it, open with O_PATH
/// and without following a link.
using MayReplace = std::function<Done(const File& occupant)>;

/// A file on its way to its place. Unless published it is removed with the object.
class StagedFile {
 public:
  /// Creates an empty file below `directory`, which must be on the filesystem of the targets.
  static Result<StagedFile> create(Fs& fs, const std::string& directory, mode_t mode = 0600);
  StagedFile(StagedFile&&) noexcept = default;
  StagedFile& operator=(StagedFile&& other) noexcept;
  ~StagedFile() { discard(); }

  /// Open for reading and writing; stays open after publish().
  const File& file() const { return file_; }

  /// Syncs the file, renames it to `target` and syncs the directory of `target`. Success means that it is on disk for
  /// good. After a failure `target` is what it was, or, when only the last sync failed, already the new file.
  Done publish(const std::string& target, Existing existing);

 private:
  friend Done publish_all(std::span<const struct Publication> files, Existing existing);
  StagedFile(File directory, File file, std::string name)
      : directory_(std::move(directory)), file_(std::move(file)), name_(std::move(name)) {}
  Done rename_to(const std::string& target, Existing existing);
  void discard();

  File directory_;
  File file_;
  std::string name_;  // empty once it has been published
};

struct Publication {
  StagedFile* file;
  std::string target;
};
/// publish() for several files of one filesystem: their data is synced together, then they are renamed one by one in
/// order, and each directory is synced once. Stops at the first failure.
Done publish_all(std::span<const Publication> files, Existing existing);

/// Something that has left its place but not yet the disk.
class Retired {
 public:
  Retired() = default;
  Retired(File root, std::string name) : root_(std::move(root)), name_(std::move(name)) {}

  /// What was given up where it is, and has its name until remove().
  static Retired in_place(File root, std::string name);

  explicit operator bool() const { return !name_.empty(); }
  /// True when it is, or links to, what is open as `file`: nobody has put another in its place in the last moment.
  Result<bool> leads_to(const File& file) const;
  /// Undoes retire(): back to `name`, unless somebody has taken that meanwhile.
  Done put_back(const std::string& name) const;
  /// Frees its space. Left out or failed, the next sweep does it.
  Done remove(const Call& call) const;

 private:
  File root_;
  std::string name_;
  bool in_place_ = false;
};

/// A directory on its way to its place. Unless published it is removed with the object.
class StagedDir {
 public:
  /// Creates an empty directory (0700) below `root`.
  static Result<StagedDir> create(Fs& fs, const std::string& root);
  StagedDir(StagedDir&&) noexcept = default;
  StagedDir& operator=(StagedDir&& other) noexcept;
  ~StagedDir() { discard(); }

  /// The staged directory itself.
  const File& dir() const { return dir_; }
  /// A new file in it, open for reading and writing.
  Result<File> create_file(const std::string& name, mode_t mode = 0600) const;

  /// Syncs the files, the directory, renames it to `name` below the root and syncs the root. Success means that it is
  /// on disk for good; what was replaced comes back and is removed by the caller once its own records are done.
  /// `may_replace` is asked about the very thing that gives way: what must not, keeps or gets back its place.
  Result<Retired> publish(const std::string& name, Existing existing, const MayReplace& may_replace = {});

 private:
  StagedDir(File root, File dir, std::string name)
      : root_(std::move(root)), dir_(std::move(dir)), name_(std::move(name)) {}
  enum class Taken { exchanged, vanished };
  Done sync_contents() const;
  Result<Taken> take_place_of(const std::string& name, const MayReplace& may_replace);
  Done give_back(const std::string& name);
  Result<Taken> take_place_by_two_renames(const std::string& name, const File& occupant);
  Result<Taken> take_place_of_lower(const std::string& name, const File& occupant);
  void discard();

  File root_;
  File dir_;
  std::string name_;  // empty once it has been published
};

/// Takes `name` out of its place below `root`: renamed and synced, so gone for good on success; or marked, where it
/// cannot be renamed. Nothing is freed before Retired::remove(). Renaming needs no free space. A missing `name` fails
/// with os_code ENOENT.
Result<Retired> retire(Fs& fs, const std::string& root, const std::string& name);

/// True for a directory that was given up where it is.
Result<bool> is_retired(const File& dir);

/// Renames within `root`, and syncs it. Fails with os_code EEXIST when `to` is taken, and with EXDEV when `from` is a
/// directory of a lower layer of overlayfs.
Done move(Fs& fs, const std::string& root, const std::string& from, const std::string& to);
/// Exchanges two names within `root`, and syncs it. False when the filesystem cannot: then nothing has happened.
Result<bool> exchange(Fs& fs, const std::string& root, const std::string& one, const std::string& other);

/// Removes staged and retired things below `root` that no living process holds, and returns how many.
Result<size_t> sweep_leftovers(Fs& fs, const std::string& root, const Call& call);

/// Their names, and nothing is removed.
Result<std::vector<std::string>> find_leftovers(Fs& fs, const std::string& root, const Call& call);

/// A fresh name for something staged, which a sweep knows.
std::string new_staging_name();

/// True for the names that this file makes. Listings leave them out.
bool is_leftover_name(std::string_view name);

}  // namespace msb::os
