#include "image/new_files.h"

#include <cerrno>
#include <chrono>

#include "image/lease.h"
#include "os/lock.h"

namespace msb::image {
namespace {

constexpr std::chrono::seconds kPatience{5};

/// True when an image in the index is, or consists of, what the digest names.
Result<bool> indexed(index::Transaction& transaction, const Digest& digest) {
  MSB_TRY(index::Statement row, transaction.query("SELECT 1 FROM manifest WHERE digest = ?1 UNION ALL "
                                                  "SELECT 1 FROM layer WHERE diff_id = ?1 OR blob_digest = ?1",
                                                  {digest.text()}));
  return row.step();
}

}  // namespace

void NewFiles::add(const Digest& needed, std::string path, std::string lock) {
  const std::lock_guard guard(mutex_);
  files_.push_back({needed, std::move(path), std::move(lock)});
}

void NewFiles::add_layer(const CachePaths& paths, const Digest& diff_id) {
  const std::string name = diff_id.safe_name();
  add(diff_id, paths.layer(name), paths.layer_lock(name));
  add(diff_id, paths.recipe(name), paths.layer_lock(name));
}

void NewFiles::add_image(const CachePaths& paths, const Digest& manifest, const Assembled& assembled) {
  const std::string name = manifest.safe_name();
  if (assembled.fresh_fsmeta) add(manifest, paths.fsmeta(name), paths.fsmeta_lock(name));
  if (assembled.fresh_vmdk) add(manifest, paths.vmdk(name), paths.fsmeta_lock(name));
}

void NewFiles::take_back(const Context& context) {
  if (files_.empty()) return;
  // The call of the work may have been what stopped it.
  const Call call(nullptr, Call::Clock::now() + kPatience, nullptr, {});
  const Done done = try_take_back(context, call);
  if (!done)
    context.log.warn("image", "files of an unfinished load stay until the next sweep: " + done.error().message());
}

Done NewFiles::try_take_back(const Context& context, const Call& call) const {
  // With the gate closed nobody can begin to rely on a file while it goes.
  MSB_TRY(const SweepGate gate, SweepGate::close(context, call));
  MSB_TRY(const auto leased, live_leases(context, call));
  for (const NewFile& file : files_) {
    if (leased.count(file.needed.text()) != 0) continue;
    MSB_TRY(const bool needed, context.database.read(call, [&](index::Transaction& transaction) {
      return indexed(transaction, file.needed);
    }));
    if (needed) continue;
    std::optional<os::FileLock> lock;
    if (!file.lock.empty()) {
      MSB_TRY(lock, os::FileLock::try_acquire(context.fs, file.lock, os::LockMode::exclusive));
      if (!lock) continue;  // somebody is at it
    }
    const int result = context.fs.unlink(AT_FDCWD, file.path.c_str(), 0);
    if (result < 0 && result != -ENOENT) return Error::io("remove", file.path, -result);
    if (lock) lock->retire();
  }
  return {};
}

}  // namespace msb::image
