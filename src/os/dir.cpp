#include "os/dir.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace msb::os {
namespace {

constexpr size_t kListBuffer = size_t{32} << 10;

uint8_t type_of(const File& dir, const char* name) {
  struct stat st {};
  if (dir.fs().fstatat(dir.fd(), name, &st, AT_SYMLINK_NOFOLLOW) < 0) return DT_UNKNOWN;
  return static_cast<uint8_t>(IFTODT(st.st_mode));
}

}  // namespace

Result<File> open_dir(Fs& fs, int dir, const std::string& path, int flags) {
  return File::open(fs, dir, path, O_RDONLY | O_DIRECTORY | flags);
}

Result<std::vector<DirEntry>> list_dir(const File& dir) {
  std::vector<DirEntry> entries;
  alignas(struct dirent64) std::array<std::byte, kListBuffer> buffer;
  const int64_t start = dir.fs().seek(dir.fd(), 0, SEEK_SET);
  if (start < 0) return Error::io("list", dir.path(), static_cast<int>(-start));
  for (;;) {
    const ssize_t n = dir.fs().getdents(dir.fd(), buffer);
    if (n < 0) return Error::io("list", dir.path(), static_cast<int>(-n));
    if (n == 0) break;
    for (size_t at = 0; at < static_cast<size_t>(n);) {
      const auto* entry = reinterpret_cast<const struct dirent64*>(buffer.data() + at);
      at += entry->d_reclen;
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      const uint8_t type = entry->d_type != DT_UNKNOWN ? entry->d_type : type_of(dir, entry->d_name);
      if (type != DT_UNKNOWN) entries.push_back({std::string(name), type});
    }
  }
  std::sort(entries.begin(), entries.end(), [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
  return entries;
}

Done make_dirs(Fs& fs, const std::string& path, mode_t mode) {
  const int made = fs.mkdir(AT_FDCWD, path.c_str(), mode);
  if (made == -EEXIST) {
    MSB_TRY(const File existing, open_dir(fs, path));
    return {};
  }
  const std::string parent = parent_path(path);
  if (made == -ENOENT && parent != path) {
    MSB_CHECK(make_dirs(fs, parent, mode));
    const int again = fs.mkdir(AT_FDCWD, path.c_str(), mode);
    if (again < 0 && again != -EEXIST) return Error::io("create directory", path, -again);
  } else if (made < 0) {
    return Error::io("create directory", path, -made);
  }
  MSB_TRY(const File dir, open_dir(fs, parent));
  return dir.sync();
}

std::string join_path(std::string_view directory, std::string_view name) {
  std::string path(directory);
  if (!path.empty() && path.back() != '/') path += '/';
  path += name;
  return path;
}

std::string parent_path(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  path = path.substr(0, slash);
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  return path.empty() ? "/" : std::string(path);
}

std::string base_name(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos || path.size() == 1) return std::string(path);
  return std::string(path.substr(slash + 1));
}

std::string expand_home(const std::string& path) {
  if (path.empty() || path[0] != '~' || (path.size() > 1 && path[1] != '/')) return path;
  std::string home;
  if (const char* set = std::getenv("HOME"); set != nullptr && *set != '\0') {
    home = set;
  } else {
    std::array<char, 4096> buffer{};
    struct passwd entry {};
    struct passwd* found = nullptr;
    const int failed = ::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found);
    if (failed != 0 || found == nullptr || found->pw_dir == nullptr || found->pw_dir[0] != '/') return path;
    home = found->pw_dir;
  }
  return path.size() == 1 ? home : join_path(home, path.substr(2));
}

Result<std::string> absolute_path(const std::string& path) {
  if (!path.empty() && path[0] == '/') return path;
  std::error_code failure;
  const auto here = std::filesystem::current_path(failure);
  if (failure) return Error::io("find the working directory for", path, failure.value());
  return path.empty() || path == "." ? here.string() : join_path(here.string(), path);
}

Result<std::string> canonical_path(const std::string& path) {
  MSB_TRY(const std::string absolute, absolute_path(path));
  const std::string name = base_name(absolute);
  const bool has_name = name != "/" && name != "." && name != "..";
  std::error_code failure;
  const auto canonical = std::filesystem::weakly_canonical(has_name ? parent_path(absolute) : absolute, failure);
  if (failure) return Error::io("find", path, failure.value());
  std::string text = canonical.string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return has_name ? join_path(text, name) : text;
}

Result<bool> exists(Fs& fs, const std::string& path) {
  struct stat st {};
  const int result = fs.fstatat(AT_FDCWD, path.c_str(), &st, AT_SYMLINK_NOFOLLOW);
  if (result == -ENOENT || result == -ENOTDIR || result == -ENAMETOOLONG) return false;
  if (result < 0) return Error::io("stat", path, -result);
  return true;
}

Result<Space> disk_space(Fs& fs, const std::string& path) {
  MSB_TRY(const File file, File::open(fs, AT_FDCWD, path, O_PATH));
  struct statvfs st {};
  const int result = fs.fstatvfs(file.fd(), &st);
  if (result < 0) return Error::io("find the free space of", path, -result);
  return Space{uint64_t{st.f_blocks} * st.f_frsize, uint64_t{st.f_bavail} * st.f_frsize};
}

}  // namespace msb::os
