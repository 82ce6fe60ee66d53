#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "os/file.h"

namespace msb::os {

/// Opens a directory for listing, syncing and as the `dir` of other calls. Follows symlinks unless `flags` has
/// O_NOFOLLOW.
Result<File> open_dir(Fs& fs, int dir, const std::string& path, int flags = 0);
inline Result<File> open_dir(Fs& fs, const std::string& path) { return open_dir(fs, AT_FDCWD, path); }

struct DirEntry {
  std::string name;
  uint8_t type = 0;  ///< DT_REG, DT_DIR, DT_LNK, …; never DT_UNKNOWN

  bool operator==(const DirEntry&) const = default;
};

/// Everything in a directory but "." and "..", sorted by name (bytes). Entries that vanish meanwhile may be left out.
Result<std::vector<DirEntry>> list_dir(const File& dir);

/// Creates `path` and what is missing above it, and syncs the directories that got a new entry, so that what is later
/// published inside cannot lose the way to it. An existing directory is left as it is.
Done make_dirs(Fs& fs, const std::string& path, mode_t mode = 0700);

/// `directory`/`name`, with one slash between them.
std::string join_path(std::string_view directory, std::string_view name);
/// What is before the last slash: "/" for "/a", "." for "a".
std::string parent_path(std::string_view path);
/// What is behind the last slash.
std::string base_name(std::string_view path);
/// "~" and "~/…" with the home directory ($HOME, else the user database) in place of "~"; other paths unchanged.
std::string expand_home(const std::string& path);
/// Puts the working directory before a relative path. Neither symlinks nor ".." are resolved.
Result<std::string> absolute_path(const std::string& path);
/// The one spelling of where `path` is: absolute, without "." and "..", and without symlinks in what is above the last
/// component. That one stays as it is, for a link can be what is meant. What does not exist is taken as it is written.
Result<std::string> canonical_path(const std::string& path);

/// Whether something has that name; a final symlink counts, whatever it leads to.
Result<bool> exists(Fs& fs, const std::string& path);

struct Space {
  uint64_t total = 0;
  uint64_t available = 0;  ///< bytes that this user may still write
};
/// Space of the filesystem that holds `path`.
Result<Space> disk_space(Fs& fs, const std::string& path);

}  // namespace msb::os
