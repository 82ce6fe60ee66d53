#include "image/recover.h"

#include <cerrno>

#include "image/lease.h"
#include "image/reachability.h"
#include "image/sweep.h"
#include "os/publish.h"

namespace msb::image {
namespace {

/// Removes what was staged or given up right in a directory; one that is missing has nothing.
Result<uint32_t> sweep_directory(const Context& context, const std::string& path, const Call& call) {
  auto swept = os::sweep_leftovers(context.fs, path, call);
  if (swept) return static_cast<uint32_t>(*swept);
  if (swept.error().os_code() == ENOENT) return 0U;
  return std::move(swept).error();
}

Result<uint32_t> sweep_directories(const Context& context, Thoroughness thoroughness, const Call& call) {
  const CachePaths& paths = context.paths;
  std::vector<std::string> directories{paths.root(),      paths.layers(), paths.fsmeta(), paths.vmdk(),
                                       paths.manifests(), paths.blobs(),  paths.tmp()};
  if (thoroughness == Thoroughness::full) {
    directories.push_back(context.snapshots_dir);
    directories.push_back(context.sandboxes_dir);
  }
  uint32_t swept = 0;
  for (const std::string& directory : directories) {
    MSB_TRY(const uint32_t here, sweep_directory(context, directory, call));
    swept += here;
  }
  return swept;
}

/// Files of whoever leaves no lease: microsandbox, and we ourselves between rows and files. Damaged layers that were
/// set aside are no leftovers.
Result<uint32_t> sweep_orphans(const Context& context, const Call& call) {
  MSB_TRY(const Reachability found, survey(context, call));
  Selection selection;
  selection.spared.assign(found.references.size(), "in the index");
  selection.unnamed_images = false;
  std::vector<Verdict> verdicts = judge(found, selection);
  for (size_t i = 0; i < verdicts.size(); ++i) {
    const Item& item = found.items[i];
    const bool set_aside = !item.files.empty() && item.files.front().role == FileRole::set_aside;
    if (!verdicts[i].orphan || set_aside) verdicts[i].remove = false;
  }
  MSB_TRY(const Swept swept, sweep(context, found, verdicts, call));
  return swept.total();
}

}  // namespace

Result<uint32_t> recover(const Context& context, Thoroughness thoroughness, const Call& call) {
  MSB_TRY(const uint32_t dead, sweep_leases(context, call));
  if (thoroughness == Thoroughness::cheap && dead == 0) return 0U;
  MSB_TRY(uint32_t repaired, sweep_directories(context, thoroughness, call));
  repaired += dead;
  if (thoroughness == Thoroughness::full) {
    MSB_TRY(const uint32_t orphans, sweep_orphans(context, call));
    repaired += orphans;
  }
  return repaired;
}

}  // namespace msb::image
