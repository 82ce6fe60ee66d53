#include "sandbox/remove.h"

#include <cerrno>

#include "index/sandboxes.h"
#include "os/publish.h"
#include "sandbox/directory.h"
#include "sandbox/hold.h"
#include "sandbox/locks.h"
#include "sandbox/settle.h"

namespace msb::sandbox {
namespace {

bool is_full(const Error& error) { return error.os_code() == ENOSPC || error.os_code() == EDQUOT; }

Done delete_record(const image::Context& context, const std::string& name, const Call& call) {
  MSB_CHECK(context.database.write(call, [&](index::Transaction& transaction) -> Done {
    MSB_TRY(const auto record, index::find_sandbox(transaction, name));
    if (!record) return {};
    return index::delete_sandbox(transaction, record->id);
  }));
  return context.database.make_durable();
}

/// Marks the directory first, so that it is not left behind without a record and without anybody who knows why.
Done delete_record_of(const image::Context& context, const std::string& name, const Call& call) {
  const std::string directory = directory_of(context, name);
  MSB_CHECK(mark_unrecorded(context, directory));
  auto deleted = delete_record(context, name, call);
  if (!deleted) (void)unmark(context, directory);  // recover() does it too, as long as there is a record
  return deleted;
}

/// From a lower layer of overlayfs, a directory cannot be moved aside: it stays, with a mark, until its record has
/// gone.
Done remove_in_place(const image::Context& context, const std::string& name, const Call& call) {
  auto deleted = delete_record_of(context, name, call);
  if (!deleted && !is_full(deleted.error())) return deleted;
  if (deleted) {
    settle_if_possible(context, name);
    return deleted;
  }
  MSB_CHECK(discard_directory(context, name));
  return delete_record(context, name, Call());
}

Done remove_held(const image::Context& context, const StoppedHold& held, const Call& call) {
  const std::string& name = held.sandbox().name;
  MSB_CHECK(check_name(name));
  MSB_CHECK(call.check());
  const std::string aside = aside_name(name);
  Done moved = os::move(context.fs, context.sandboxes_dir, name, aside);
  if (!moved && moved.error().os_code() == EXDEV) return remove_in_place(context, name, call);
  if (!moved && moved.error().os_code() != ENOENT) {
    settle_if_possible(context, name);
    return moved;
  }
  auto deleted = delete_record(context, name, call);
  // Without room for the record of a removal the disk makes some.
  if (!deleted && is_full(deleted.error())) {
    MSB_CHECK(discard_directory(context, aside));
    return delete_record(context, name, Call());
  }
  settle_if_possible(context, name);
  return deleted;
}

}  // namespace

Done remove(const image::Context& context, const std::string& name, const Call& call) {
  MSB_CHECK(context.database.check_writable(call));
  MSB_TRY(const os::FileLock lock, lock_creation(context, name, call));
  if (check_name(name)) {
    MSB_TRY(const bool settled, settle(context, name, call));
    (void)settled;
  }
  MSB_TRY(const StoppedHold held, hold_idle(context, name, call));
  return remove_held(context, held, call);
}

}  // namespace msb::sandbox
