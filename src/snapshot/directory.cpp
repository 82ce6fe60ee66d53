#include "snapshot/directory.h"

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "base/found.h"
#include "os/dir.h"
#include "os/workers.h"
#include "snapshot/group.h"
#include "snapshot/reference.h"

namespace msb::snapshot {
namespace {

bool may_be_snapshot(const os::DirEntry& entry) {
  return entry.name.front() != '.' && (entry.type == DT_DIR || entry.type == DT_LNK);
}

/// Members of a group of snapshots of 0.7; nothing when `path` is none.
Result<std::optional<std::vector<std::string>>> members(const Context& context, const std::string& path) {
  using Members = std::optional<std::vector<std::string>>;
  auto is_group = os::exists(context.fs, os::join_path(path, kGroupHead));
  // A directory that may not be looked into is one snapshot that cannot be opened.
  const bool closed = !is_group && (is_group.error().os_code() == EACCES || is_group.error().os_code() == ELOOP);
  if (closed) return Members();
  if (!is_group) return std::move(is_group).error();
  if (!*is_group) return Members();
  MSB_TRY(const auto directory, if_there(os::open_dir(context.fs, path)));
  if (!directory) return Members();
  MSB_TRY(const auto entries, os::list_dir(*directory));
  std::vector<std::string> paths;
  for (const os::DirEntry& entry : entries) {
    if (may_be_snapshot(entry)) paths.push_back(os::join_path(path, entry.name));
  }
  return Members(std::move(paths));
}

Result<std::vector<std::string>> candidates(const Context& context, const std::string& dir) {
  std::vector<std::string> paths;
  auto directory = os::open_dir(context.fs, dir);
  if (!directory) {
    if (directory.error().os_code() == ENOENT) return paths;
    return std::move(directory).error();
  }
  MSB_TRY(const std::vector<os::DirEntry> entries, os::list_dir(*directory));
  for (const os::DirEntry& entry : entries) {
    if (!may_be_snapshot(entry)) continue;
    std::string path = os::join_path(dir, entry.name);
    MSB_TRY(auto in_group, members(context, path));
    if (in_group) {
      paths.insert(paths.end(), std::move_iterator(in_group->begin()), std::move_iterator(in_group->end()));
    } else {
      paths.push_back(std::move(path));
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

bool is_no_snapshot(const Found& found) {
  return !found.artifact && found.artifact.error().status() == Status::snapshot_not_found;
}

}  // namespace

Result<std::vector<Found>> look_into(const Context& context, const std::string& dir, const Call& call) {
  MSB_TRY(std::vector<std::string> paths, candidates(context, dir));
  std::vector<std::optional<Found>> opened(paths.size());
  const auto open_one = [&](size_t i, const Call& part) -> Done {
    MSB_CHECK(part.check());
    auto stamp = os::Stamp::of(context.fs, paths[i]);
    if (!stamp && stamp.error().os_code() == ENOENT) return {};  // it went away meanwhile
    if (!stamp) return std::move(stamp).error();
    opened[i].emplace(Found{std::move(paths[i]), *stamp, Artifact()});
    opened[i]->artifact = open_artifact(context.fs, opened[i]->path);
    return {};
  };
  MSB_CHECK(os::parallel_for_each(paths.size(), context.threads, call, open_one));
  std::vector<Found> found;
  found.reserve(opened.size());
  for (std::optional<Found>& one : opened) {
    if (one && !is_no_snapshot(*one)) found.push_back(*std::move(one));
  }
  return found;
}

Result<std::vector<Artifact>> list_directory(const Context& context, const std::optional<std::string>& dir,
                                             const Call& call) {
  MSB_TRY(const std::string path, directory_named(context, dir));
  MSB_TRY(std::vector<Found> found, look_into(context, path, call));
  std::vector<Artifact> artifacts;
  artifacts.reserve(found.size());
  for (Found& one : found) {
    if (one.artifact) {
      artifacts.push_back(*std::move(one.artifact));
    } else {
      context.log.warn("snapshot", "left out of the list: " + one.artifact.error().message());
    }
  }
  return artifacts;
}

}  // namespace msb::snapshot
