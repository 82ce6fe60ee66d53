#include "image/inventory.h"

#include <algorithm>
#include <cerrno>
#include <optional>

#include "os/dir.h"
#include "os/publish.h"

namespace msb::image {
namespace {

constexpr unsigned kMaxDepth = 64;
constexpr std::string_view kSetAside = ".erofs.corrupt-";

FileSize size_of(const struct stat& status) {
  constexpr uint64_t kBlockUnit = 512;  // of st_blocks, whatever the file system
  FileSize size;
  size.allocated = static_cast<uint64_t>(status.st_blocks) * kBlockUnit;
  size.apparent = S_ISREG(status.st_mode) ? static_cast<uint64_t>(status.st_size) : 0;
  size.freed = S_ISDIR(status.st_mode) || status.st_nlink <= 1 ? size.allocated : 0;
  size.modified = static_cast<UnixNanos>(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec;
  return size;
}

Result<FileSize> measure_below(const Context& context, int dir, const std::string& name, const std::string& path,
                               unsigned depth, const Call& call) {
  MSB_CHECK(call.check());
  struct stat status {};
  const int result = context.fs.fstatat(dir, name.c_str(), &status, AT_SYMLINK_NOFOLLOW);
  if (result == -ENOENT) return FileSize();
  if (result < 0) return Error::io("stat", path, -result);
  FileSize size = size_of(status);
  if (!S_ISDIR(status.st_mode)) return size;
  if (depth == kMaxDepth) return Error::io("measure", path, ELOOP);
  auto directory = os::open_dir(context.fs, dir, name, O_NOFOLLOW);
  if (!directory) {
    if (directory.error().os_code() == ENOENT) return FileSize();
    return std::move(directory).error();
  }
  MSB_TRY(const std::vector<os::DirEntry> entries, os::list_dir(*directory));
  for (const os::DirEntry& entry : entries) {
    MSB_TRY(const FileSize part,
            measure_below(context, directory->fd(), entry.name, os::join_path(path, entry.name), depth + 1, call));
    size += part;
  }
  return size;
}

/// The name without the suffix; nothing when it has another one, or nothing before it.
std::optional<std::string> stem(const std::string& name, std::string_view suffix) {
  if (name.size() <= suffix.size() || !name.ends_with(suffix)) return std::nullopt;
  return name.substr(0, name.size() - suffix.size());
}

CacheFile file_of(FileRole role, std::string name) { return {role, std::move(name), {}, {}}; }

CacheFile in_layers(const std::string& name) {
  if (auto layer = stem(name, ".erofs")) return file_of(FileRole::layer, *std::move(layer));
  if (auto layer = stem(name, ".recipe")) return file_of(FileRole::recipe, *std::move(layer));
  if (stem(name, ".tar.gz")) return file_of(FileRole::temporary, name);
  return file_of(name.find(kSetAside) != std::string::npos ? FileRole::set_aside : FileRole::unknown, name);
}

CacheFile in_fsmeta(const std::string& name) {
  if (auto image = stem(name, ".erofs")) return file_of(FileRole::fsmeta, *std::move(image));
  return file_of(FileRole::unknown, name);
}

CacheFile in_vmdk(const std::string& name) {
  if (auto image = stem(name, ".vmdk")) return file_of(FileRole::vmdk, *std::move(image));
  return file_of(FileRole::unknown, name);
}

CacheFile in_manifests(const std::string& name) {
  if (auto key = stem(name, ".json")) return file_of(FileRole::metadata, *std::move(key));
  return file_of(stem(name, ".json.part") ? FileRole::temporary : FileRole::unknown, name);
}

CacheFile in_blobs(const std::string& name) { return file_of(FileRole::blob, name); }

CacheFile in_flat_refs(const std::string& name) {
  if (auto image = stem(name, ".json")) return file_of(FileRole::flat_record, *std::move(image));
  return file_of(stem(name, ".json.part") ? FileRole::temporary : FileRole::unknown, name);
}

CacheFile in_flat_blobs(const std::string& name) {
  if (auto artifact = stem(name, ".raw")) return file_of(FileRole::flat_blob, *std::move(artifact));
  return file_of(FileRole::unknown, name);
}

/// Everything here is work in progress, or was.
CacheFile in_tmp(const std::string& name) { return file_of(FileRole::temporary, name); }

/// Tells what a file is by its name. Null where only leftovers are looked for.
using Classify = CacheFile (*)(const std::string&);

Done list_folder(const Context& context, const std::string& path, Classify classify, std::vector<CacheFile>& into,
                 const Call& call) {
  auto directory = os::open_dir(context.fs, path);
  if (!directory) {
    if (directory.error().os_code() == ENOENT) return {};
    return std::move(directory).error();
  }
  MSB_TRY(const std::vector<os::DirEntry> entries, os::list_dir(*directory));
  for (const os::DirEntry& entry : entries) {
    const bool leftover = os::is_leftover_name(entry.name);
    if (entry.name.ends_with(".lock") || (!leftover && classify == nullptr)) continue;
    MSB_CHECK(call.check());
    CacheFile file = leftover ? file_of(FileRole::leftover, entry.name) : classify(entry.name);
    const bool may_be_directory = file.role == FileRole::temporary || file.role == FileRole::leftover;
    if (entry.type != DT_REG && !may_be_directory) file = file_of(FileRole::unknown, entry.name);
    file.path = os::join_path(path, entry.name);
    MSB_TRY(file.size, measure_below(context, directory->fd(), entry.name, file.path, 0, call));
    into.push_back(std::move(file));
  }
  return {};
}

}  // namespace

FileSize& FileSize::operator+=(const FileSize& other) {
  allocated += other.allocated;
  apparent += other.apparent;
  freed += other.freed;
  modified = std::max(modified, other.modified);
  return *this;
}

Result<std::vector<CacheFile>> list_cache(const Context& context, const Call& call) {
  const CachePaths& paths = context.paths;
  const struct {
    std::string path;
    Classify classify;
  } folders[] = {
      {paths.layers(), in_layers}, {paths.fsmeta(), in_fsmeta},
      {paths.vmdk(), in_vmdk},     {paths.manifests(), in_manifests},
      {paths.blobs(), in_blobs},   {paths.flat() + "/refs", in_flat_refs},
      {paths.tmp(), in_tmp},       {paths.flat() + "/blobs", in_flat_blobs},
      {paths.root(), nullptr},
  };
  std::vector<CacheFile> files;
  for (const auto& folder : folders) {
    MSB_CHECK(list_folder(context, folder.path, folder.classify, files, call));
  }
  return files;
}

std::string lock_of(const Context& context, const CacheFile& file) {
  const CachePaths& paths = context.paths;
  switch (file.role) {
    case FileRole::layer:
    case FileRole::recipe:
      return paths.layer_lock(file.name);
    case FileRole::set_aside:
      return paths.layer_lock(file.name.substr(0, file.name.find(kSetAside)));
    case FileRole::fsmeta:
    case FileRole::vmdk:
      return paths.fsmeta_lock(file.name);
    case FileRole::metadata:
      return paths.metadata_lock(file.name);
    case FileRole::temporary:
      if (auto blob = stem(file.name, ".tar.gz")) return paths.download_lock(*blob);
      if (auto key = stem(file.name, ".json.part")) return paths.metadata_lock(*key);
      if (auto flat = stem(file.name, ".flat.work")) return paths.flat() + "/locks/" + *flat + ".lock";
      if (auto image = stem(file.name, ".work")) return paths.fsmeta_lock(*image);
      if (auto layer = stem(file.name, ".erofs.part")) return paths.layer_lock(*layer);
      if (auto blob = stem(file.name, ".part")) return paths.download_lock(*blob);
      if (auto layer = stem(file.name, ".spool")) return paths.layer_lock(*layer);
      return {};
    case FileRole::blob:
    case FileRole::flat_record:
    case FileRole::flat_blob:
    case FileRole::leftover:
    case FileRole::unknown:
      return {};
  }
  return {};
}

Result<std::vector<std::string>> idle_locks(const Context& context, UnixNanos before, const Call& call) {
  const CachePaths& paths = context.paths;
  const struct {
    std::string path;
    std::string suffix;  ///< of its lock files
    std::vector<std::string> things;
  } folders[] = {
      {paths.layers(), ".erofs.lock", {paths.layers() + "/*.erofs", paths.layers() + "/*.recipe"}},
      {paths.fsmeta(), ".erofs.lock", {paths.fsmeta() + "/*.erofs", paths.vmdk() + "/*.vmdk"}},
      {paths.manifests(), ".lock", {paths.manifests() + "/*.json"}},
  };
  std::vector<std::string> idle;
  for (const auto& folder : folders) {
    auto directory = os::open_dir(context.fs, folder.path);
    if (!directory && directory.error().os_code() == ENOENT) continue;
    if (!directory) return std::move(directory).error();
    MSB_TRY(const std::vector<os::DirEntry> entries, os::list_dir(*directory));
    for (const os::DirEntry& entry : entries) {
      const auto name = stem(entry.name, folder.suffix);
      if (!name || entry.type != DT_REG) continue;
      MSB_CHECK(call.check());
      bool there = false;
      for (std::string thing : folder.things) {
        thing.replace(thing.rfind('*'), 1, *name);
        MSB_TRY(const bool exists, os::exists(context.fs, thing));
        there = there || exists;
      }
      if (there) continue;
      const std::string path = os::join_path(folder.path, entry.name);
      MSB_TRY(const FileSize size, measure(context, path, call));
      if (size.modified < before) idle.push_back(path);
    }
  }
  return idle;
}

Result<FileSize> measure(const Context& context, const std::string& path, const Call& call) {
  return measure_below(context, AT_FDCWD, path, path, 0, call);
}

}  // namespace msb::image
