#include "image/usage.h"

#include <algorithm>
#include <cerrno>
#include <tuple>

#include "image/artifacts.h"
#include "image/reachability.h"
#include "os/dir.h"

namespace msb::image {
namespace {

DiskItem usage_of(ItemKind kind, std::string name, std::string path, const FileSize& size) {
  DiskItem item;
  item.kind = kind;
  item.name = std::move(name);
  item.path = std::move(path);
  item.allocated = size.allocated;
  item.apparent = size.apparent;
  return item;
}

Done add_snapshots(const Context& context, DiskUsage& usage, const Call& call) {
  MSB_TRY(const std::vector<Artifact> artifacts, find_artifacts(context, call));
  for (const Artifact& artifact : artifacts) {
    MSB_TRY(const FileSize size, measure(context, artifact.path, call));
    usage.snapshots += size.allocated;
    usage.items.push_back(usage_of(ItemKind::snapshot, artifact.name, artifact.path, size));
  }
  return {};
}

/// The disks of a sandbox are the regular files right in its directory; what lies below it are logs and inputs.
Result<FileSize> measure_disks(const Context& context, const std::string& path, const Call& call) {
  FileSize disks;
  MSB_TRY(const os::File directory, os::open_dir(context.fs, path));
  MSB_TRY(const std::vector<os::DirEntry> entries, os::list_dir(directory));
  for (const os::DirEntry& entry : entries) {
    if (entry.type != DT_REG) continue;
    MSB_TRY(const FileSize size, measure(context, os::join_path(path, entry.name), call));
    disks += size;
  }
  return disks;
}

Done add_sandboxes(const Context& context, DiskUsage& usage, const Call& call) {
  auto directory = os::open_dir(context.fs, context.sandboxes_dir);
  if (!directory) {
    if (directory.error().os_code() == ENOENT) return {};
    return std::move(directory).error();
  }
  MSB_TRY(const std::vector<os::DirEntry> entries, os::list_dir(*directory));
  for (const os::DirEntry& entry : entries) {
    if (entry.type != DT_DIR || entry.name.starts_with('.')) continue;
    const std::string path = os::join_path(context.sandboxes_dir, entry.name);
    auto size = measure_disks(context, path, call);
    if (!size && size.error().os_code() == ENOENT) continue;  // removed meanwhile
    if (!size) return std::move(size).error();
    usage.sandboxes += size->allocated;
    usage.items.push_back(usage_of(ItemKind::sandbox, entry.name, path, *size));
  }
  return {};
}

}  // namespace

Result<DiskUsage> disk_usage(const Context& context, const Call& call) {
  MSB_TRY(Reachability found, survey(context, call));
  Selection selection;
  selection.spared.resize(found.references.size());
  const std::vector<Verdict> verdicts = judge(found, selection);
  DiskUsage usage;
  for (size_t i = 0; i < found.items.size(); ++i) {
    Item& item = found.items[i];
    DiskItem& shown = usage.items.emplace_back(usage_of(item.kind, std::move(item.name), item.path(), item.size));
    shown.reclaimable = verdicts[i].remove;
    shown.shared_by = static_cast<uint32_t>(item.images.size());
    shown.pins = found.pins(item);
    item.files.clear();
    usage.images += item.size.allocated;
    if (shown.reclaimable) usage.reclaimable += item.size.freed;
  }
  MSB_CHECK(add_snapshots(context, usage, call));
  MSB_CHECK(add_sandboxes(context, usage, call));
  std::ranges::stable_sort(usage.items, [](const DiskItem& a, const DiskItem& b) {
    return std::tie(a.kind, a.name) < std::tie(b.kind, b.name);
  });
  return usage;
}

}  // namespace msb::image
