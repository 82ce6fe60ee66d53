#include "sandbox/recover.h"

#include <cerrno>
#include <set>
#include <string>
#include <utility>

#include "os/publish.h"
#include "sandbox/directory.h"
#include "sandbox/locks.h"
#include "sandbox/sandbox.h"
#include "sandbox/settle.h"

namespace msb::sandbox {
namespace {

/// False when there is nothing to do, or its maker lives.
Result<bool> settle_unheld(const image::Context& context, const std::string& name, const Call& call) {
  MSB_TRY(const auto lock, try_lock_creation(context, name));
  if (!lock) return false;
  return settle(context, name, call);
}

}  // namespace

Result<uint32_t> recover(const image::Context& context, const Call& call) {
  auto root = os::open_dir(context.fs, context.sandboxes_dir);
  if (!root && root.error().os_code() == ENOENT) return 0U;
  if (!root) return std::move(root).error();
  // First what makes room for what is to be put in its place.
  MSB_TRY(const size_t swept, os::sweep_leftovers(context.fs, context.sandboxes_dir, call));
  MSB_TRY(const auto entries, os::list_dir(*root));
  std::set<std::string> unsettled;
  for (const os::DirEntry& entry : entries) {
    MSB_CHECK(call.check());
    if (entry.type != DT_DIR) continue;
    const bool aside = entry.name.starts_with(kAside);
    std::string name = aside ? entry.name.substr(kAside.size()) : entry.name;
    if (!check_name(name)) continue;
    if (!aside) {
      MSB_TRY(const auto mark, read_mark(context, directory_of(context, name)));
      if (!mark) continue;
    }
    unsettled.insert(std::move(name));
  }
  uint32_t repaired = 0;
  for (const std::string& name : unsettled) {
    MSB_CHECK(call.check());
    MSB_TRY(const bool settled, settle_unheld(context, name, call));
    repaired += settled ? 1 : 0;
  }
  return repaired + static_cast<uint32_t>(swept);
}

}  // namespace msb::sandbox
