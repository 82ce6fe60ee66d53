#include "snapshot/leftovers.h"

#include <algorithm>
#include <cerrno>

#include "base/time.h"
#include "index/snapshots.h"
#include "os/dir.h"
#include "os/publish.h"
#include "os/stamp.h"
#include "snapshot/reference.h"

namespace msb::snapshot {
namespace {

constexpr UnixNanos kYoung = UnixNanos{3600} * 1'000'000'000;

/// Of creates and loads of microsandbox 0.6.7 and later (formats/snapshots.md §2.2).
bool is_foreign_name(std::string_view name) {
  constexpr std::string_view kImport = ".msb-snapshot-import-";
  return name.starts_with(kImport) || (name.starts_with('.') && name.ends_with(".staging") && name.size() > 9);
}

Result<bool> is_old(const Context& context, const std::string& path) {
  MSB_TRY(const os::File dir, os::open_dir(context.fs, AT_FDCWD, path, O_NOFOLLOW));
  MSB_TRY(const os::Stamp own, os::Stamp::of(dir));
  UnixNanos newest = own.modified_ns;
  MSB_TRY(const auto entries, os::list_dir(dir));
  for (const os::DirEntry& entry : entries) {
    MSB_TRY(const os::Stamp stamp, os::Stamp::of(context.fs, os::join_path(path, entry.name)));
    newest = std::max(newest, stamp.modified_ns);
  }
  return newest < now_ns() - kYoung;
}

Result<std::vector<std::string>> find_foreign(const Context& context, const std::string& directory, const Call& call) {
  MSB_TRY(const os::File dir, os::open_dir(context.fs, directory));
  MSB_TRY(const auto entries, os::list_dir(dir));
  std::vector<std::string> names;
  for (const os::DirEntry& entry : entries) {
    MSB_CHECK(call.check());
    if (entry.type != DT_DIR || !is_foreign_name(entry.name)) continue;
    const auto old = is_old(context, os::join_path(directory, entry.name));
    if (old && *old) names.push_back(entry.name);
  }
  return names;
}

}  // namespace

Result<std::set<std::string>> working_directories(const Context& context, const Call& call) {
  MSB_TRY(std::string store, directory_named(context, std::nullopt));
  std::set<std::string> found{std::move(store)};
  MSB_TRY(const auto rows, context.database.read(call, index::list_snapshots));
  for (const index::SnapshotRow& row : rows) {
    MSB_TRY(const std::string path, os::canonical_path(row.artifact_path));
    found.insert(os::parent_path(path));
  }
  return found;
}

Result<std::vector<std::string>> find_leftovers(const Context& context, const std::string& directory,
                                                const Call& call) {
  auto ours = os::find_leftovers(context.fs, directory, call);
  if (!ours && ours.error().os_code() == ENOENT) return std::vector<std::string>();
  if (!ours) return ours;
  MSB_TRY(const std::vector<std::string> foreign, find_foreign(context, directory, call));
  ours->insert(ours->end(), foreign.begin(), foreign.end());
  return ours;
}

Result<uint32_t> sweep_leftovers(const Context& context, const std::string& directory, const Call& call) {
  auto ours = os::sweep_leftovers(context.fs, directory, call);
  if (!ours && ours.error().os_code() == ENOENT) return 0U;
  if (!ours) return std::move(ours).error();
  auto swept = static_cast<uint32_t>(*ours);
  MSB_TRY(const std::vector<std::string> foreign, find_foreign(context, directory, call));
  for (const std::string& name : foreign) {
    MSB_TRY(const os::Retired retired, os::retire(context.fs, directory, name));
    MSB_CHECK(retired.remove(call));
    ++swept;
  }
  return swept;
}

}  // namespace msb::snapshot
