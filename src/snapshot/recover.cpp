#include "snapshot/recover.h"

#include <cerrno>
#include <set>

#include "os/publish.h"
#include "snapshot/indexing.h"
#include "snapshot/reference.h"

namespace msb::snapshot {
namespace {

Result<std::set<std::string>> directories(const Context& context, const Call& call) {
  MSB_TRY(std::string store, directory_named(context, std::nullopt));
  std::set<std::string> found{std::move(store)};
  MSB_TRY(const auto rows, context.database.read(call, index::list_snapshots));
  for (const index::SnapshotRow& row : rows) {
    MSB_TRY(const std::string path, os::canonical_path(row.artifact_path));
    found.insert(os::parent_path(path));
  }
  return found;
}

}  // namespace

Result<uint32_t> recover(const Context& context, const Call& call) {
  MSB_TRY(const std::set<std::string> found, directories(context, call));
  uint32_t repaired = 0;
  for (const std::string& directory : found) {
    auto swept = os::sweep_leftovers(context.fs, directory, call);
    MSB_CHECK(call.check());
    if (swept) {
      repaired += static_cast<uint32_t>(*swept);
    } else if (swept.error().os_code() != ENOENT) {
      // A medium that is read-only or gone must not keep the rest from being tidied.
      context.log.warn("snapshot", "not tidied: " + swept.error().message());
    }
  }
  MSB_TRY(const Reindexed reindexed, reindex(context, std::nullopt, call));
  return repaired + reindexed.added + reindexed.dropped;
}

}  // namespace msb::snapshot
