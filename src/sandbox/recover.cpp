#include "sandbox/recover.h"

#include <cerrno>

#include "index/sandboxes.h"
#include "os/publish.h"
#include "sandbox/directory.h"
#include "sandbox/locks.h"
#include "sandbox/sandbox.h"

namespace msb::sandbox {
namespace {

/// Decides by its record what becomes of a marked directory. True when something was done.
Result<bool> settle(const image::Context& context, const std::string& name, const Call& call) {
  const std::string directory = directory_of(context, name);
  MSB_TRY(const auto lock, try_lock_creation(context, name));
  if (!lock) return false;  // its maker lives
  MSB_TRY(const bool marked, is_marked(context, directory));
  if (!marked) return false;
  MSB_TRY(const auto record, context.database.read(call, [&](index::Transaction& transaction) {
    return index::find_sandbox(transaction, name);
  }));
  if (record) {
    MSB_CHECK(context.database.make_durable());
    MSB_CHECK(unmark(context, directory));
  } else {
    MSB_CHECK(discard_directory(context, name));
  }
  return true;
}

}  // namespace

Result<uint32_t> recover(const image::Context& context, const Call& call) {
  auto root = os::open_dir(context.fs, context.sandboxes_dir);
  if (!root && root.error().os_code() == ENOENT) return 0U;
  if (!root) return std::move(root).error();
  MSB_TRY(const auto entries, os::list_dir(*root));
  uint32_t repaired = 0;
  for (const os::DirEntry& entry : entries) {
    MSB_CHECK(call.check());
    if (entry.type != DT_DIR || !check_name(entry.name)) continue;
    MSB_TRY(const bool marked, is_marked(context, directory_of(context, entry.name)));
    if (!marked) continue;
    MSB_TRY(const bool settled, settle(context, entry.name, call));
    repaired += settled ? 1 : 0;
  }
  MSB_TRY(const size_t swept, os::sweep_leftovers(context.fs, context.sandboxes_dir, call));
  return repaired + static_cast<uint32_t>(swept);
}

}  // namespace msb::sandbox
