#include "support/tree_dump.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>
#include <tuple>

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "digest/sha256.h"
#include "tree/walk.h"

namespace msb::test {
namespace {

struct Row {
  std::string path;
  char type = '?';
  unsigned mode = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t links = 0;
  uint64_t size = 0;
  int64_t mtime = 0;
  int64_t nsec = 0;
  std::vector<tree::Xattr> xattrs;
  std::string content = "-";
};

std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c >= ' ' && c != '\\' && c != 0x7F) {
      out += c;
    } else {
      out += "\\x" + to_hex(as_bytes({&c, 1}));
    }
  }
  return out;
}

std::string line(Row row) {
  std::ostringstream out;
  char mode[8];
  std::snprintf(mode, sizeof mode, "%04o", row.mode);
  out << (row.path.empty() ? "." : escape(row.path)) << '\t' << row.type << '\t' << mode << '\t' << row.uid << '\t'
      << row.gid << '\t' << row.links << '\t' << (row.type == 'd' ? "-" : std::to_string(row.size)) << '\t'
      << row.mtime;
  if (row.nsec != 0) out << '.' << row.nsec;
  out << '\t';
  std::ranges::sort(row.xattrs, {}, &tree::Xattr::name);
  for (size_t i = 0; i < row.xattrs.size(); ++i) {
    out << (i == 0 ? "" : ",") << row.xattrs[i].name << '=' << to_hex(as_bytes(row.xattrs[i].value));
  }
  out << (row.xattrs.empty() ? "-" : "") << '\t' << row.content;
  return out.str();
}

std::vector<tree::Xattr> xattrs_of(const std::string& path) {
  std::vector<tree::Xattr> xattrs;
  std::string names(65536, '\0');
  const ssize_t length = ::llistxattr(path.c_str(), names.data(), names.size());
  if (length > 0) names.resize(static_cast<size_t>(length));
  for (size_t at = 0; length > 0 && at < names.size(); at = names.find('\0', at) + 1) {
    tree::Xattr xattr{names.c_str() + at, std::string(65536, '\0')};
    const ssize_t size = ::lgetxattr(path.c_str(), xattr.name.c_str(), xattr.value.data(), xattr.value.size());
    xattr.value.resize(size < 0 ? 0 : static_cast<size_t>(size));
    xattrs.push_back(std::move(xattr));
  }
  return xattrs;
}

std::string content_of(const std::string& path, const struct stat& st) {
  if (S_ISLNK(st.st_mode)) {
    std::string target(static_cast<size_t>(st.st_size) + 1, '\0');
    const ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
    return "->" + escape(std::string_view(target).substr(0, length < 0 ? 0 : static_cast<size_t>(length)));
  }
  if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) {
    return std::to_string(major(st.st_rdev)) + ":" + std::to_string(minor(st.st_rdev));
  }
  if (!S_ISREG(st.st_mode)) return "-";
  const auto file = os::File::open_regular(os::real_fs(), AT_FDCWD, path);
  if (!file) return file.error().message();
  Sha256 hash;
  std::vector<std::byte> buffer(1 << 16);
  for (uint64_t at = 0;;) {
    const auto n = file->read_at(buffer, at);
    if (!n) return n.error().message();
    if (*n == 0) return "sha256:" + to_hex(hash.value());
    hash.update(Bytes(buffer).first(*n));
    at += *n;
  }
}

char type_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return 'f';
    case S_IFDIR:
      return 'd';
    case S_IFLNK:
      return 'l';
    case S_IFCHR:
      return 'c';
    case S_IFBLK:
      return 'b';
    case S_IFIFO:
      return 'p';
    default:
      return 's';
  }
}

void dump_below(const std::string& root, const std::string& path, std::vector<std::string>& lines) {
  const std::string full = path.empty() ? root : root + "/" + path;
  struct stat st {};
  if (::lstat(full.c_str(), &st) != 0) {
    lines.push_back(path + ": " + std::strerror(errno));
    return;
  }
  Row row;
  row.path = path;
  row.type = type_of(st.st_mode);
  row.mode = st.st_mode & 07777;
  row.uid = st.st_uid;
  row.gid = st.st_gid;
  row.links = st.st_nlink;
  row.size = static_cast<uint64_t>(st.st_size);
  row.mtime = st.st_mtim.tv_sec;
  row.nsec = st.st_mtim.tv_nsec;
  row.xattrs = xattrs_of(full);
  row.content = content_of(full, st);
  lines.push_back(line(std::move(row)));
  if (!S_ISDIR(st.st_mode)) return;
  std::vector<std::string> names;
  DIR* const directory = ::opendir(full.c_str());
  while (const dirent* const entry = directory == nullptr ? nullptr : ::readdir(directory)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  if (directory != nullptr) ::closedir(directory);
  std::ranges::sort(names);
  for (const std::string& name : names) dump_below(root, path.empty() ? name : path + "/" + name, lines);
}

std::string digest_of(const tree::Inode& inode, const os::File& file) {
  std::string content(static_cast<size_t>(inode.size), '\0');
  const auto read = [&](uint64_t logical, uint64_t length, uint64_t stored) {
    const auto into = std::as_writable_bytes(std::span(content)).subspan(logical, length);
    return file.read_exactly_at(into, inode.data_offset + stored).ok();
  };
  bool ok = true;
  if (inode.extra && inode.extra->sparse) {
    for (const tree::Run& run : inode.extra->runs) ok &= read(run.logical, run.length, run.stored);
  } else {
    ok = read(0, inode.size, 0);
  }
  return ok ? Digest::sha256_of(as_bytes(content)).text() : "unreadable";
}

}  // namespace

std::vector<std::string> dump_directory(const std::filesystem::path& root) {
  std::vector<std::string> lines;
  dump_below(root.string(), "", lines);
  std::ranges::sort(lines);
  return lines;
}

std::vector<std::string> dump_tree(const tree::Tree& tree, const std::vector<const os::File*>& sources) {
  std::vector<std::string> lines;
  for (tree::Walk walk(tree); walk.next();) {
    const tree::Inode& inode = tree.at(walk.id());
    Row row;
    row.path = walk.path();
    row.mode = inode.mode;
    row.uid = inode.uid;
    row.gid = inode.gid;
    row.links = inode.links;
    row.mtime = inode.mtime;
    row.nsec = inode.mtime_nsec;
    row.xattrs = inode.xattrs();
    switch (inode.kind) {
      case tree::Kind::regular:
        row.type = 'f';
        row.size = inode.size;
        row.content = digest_of(inode, *sources.at(inode.source));
        break;
      case tree::Kind::directory:
        row.type = 'd';
        row.links = 2;
        for (const auto& [name, id] : *inode.children) row.links += tree.at(id).kind == tree::Kind::directory;
        break;
      case tree::Kind::symlink:
        row.type = 'l';
        row.size = inode.target().size();
        row.content = "->" + escape(inode.target());
        break;
      case tree::Kind::character:
      case tree::Kind::block:
        row.type = inode.kind == tree::Kind::block ? 'b' : 'c';
        row.content = std::to_string(inode.rdev_major) + ":" + std::to_string(inode.rdev_minor);
        break;
      case tree::Kind::fifo:
        row.type = 'p';
        break;
      case tree::Kind::socket:
        row.type = 's';
        break;
    }
    lines.push_back(line(std::move(row)));
  }
  std::ranges::sort(lines);
  return lines;
}

std::vector<std::string> dump_golden(std::string_view tsv) {
  std::vector<std::string> lines;
  std::istringstream in{std::string(tsv)};
  for (std::string text; std::getline(in, text);) {
    if (text.empty() || text[0] == '#') continue;
    std::vector<std::string> columns;
    std::istringstream fields(text);
    for (std::string field; std::getline(fields, field, '\t');) columns.push_back(field);
    if (columns.size() != 11) continue;
    if (columns[1] == "d") columns[6] = "-";
    columns.erase(columns.begin() + 8);
    std::string joined;
    for (const std::string& column : columns) joined += (joined.empty() ? "" : "\t") + column;
    lines.push_back(std::move(joined));
  }
  std::ranges::sort(lines);
  return lines;
}

}  // namespace msb::test
