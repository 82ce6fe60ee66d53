#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "index/database.h"

namespace msb::index {

/// What the index remembers about a snapshot, whichever release wrote it (formats/snapshots.md §5.7, §14.5). The
/// artifact is the truth: the row may be out of date.
struct SnapshotRow {
  std::string digest;  ///< identity of its descriptor
  std::optional<std::string> name;
  std::optional<std::string> parent_digest;
  std::string image_reference;
  std::string image_manifest_digest;
  std::string artifact_path;  ///< as given when it was made: perhaps relative, perhaps gone
  std::optional<uint64_t> size;
  std::optional<UnixNanos> created_at;
  std::optional<std::string> format;  ///< absent for a checkpoint
  uint64_t child_count = 0;           ///< rows that name it as parent
};

/// What is written about one.
struct SnapshotRecord {
  std::string digest;
  std::optional<std::string> name;  ///< what its directory is called
  bool owns_name = false;           ///< takes the name from another row that has it; else goes without
  std::optional<std::string> parent_digest;
  std::string scope = "disk";
  std::string image_reference;
  std::string image_manifest_digest;
  std::string format;
  std::string fstype;
  std::optional<std::string> checkpoint_manifest;  ///< in place of format and fstype
  std::string artifact_path;
  uint64_t size = 0;
  UnixNanos created_at = 0;
};

/// All indexed snapshots, newest first, ties by digest. Empty where the database has no such table, like the next.
Result<std::vector<SnapshotRow>> list_snapshots(Transaction& transaction);
Result<std::optional<SnapshotRow>> find_snapshot(Transaction& transaction, std::string_view digest);
Result<std::optional<SnapshotRow>> find_snapshot_by_name(Transaction& transaction, std::string_view name);
/// By the exact spelling of the path.
Result<std::optional<SnapshotRow>> find_snapshot_at(Transaction& transaction, std::string_view path);
/// How many rows name it as parent.
Result<uint64_t> count_children(Transaction& transaction, std::string_view digest);

/// Stores a row where there is none of its digest, and brings the counts of children in line.
/// @retval Status::unsupported  a checkpoint, where the tables have no place for one
Done insert_snapshot(Transaction& transaction, const SnapshotRecord& record);
/// The same in place of the rows with its digest or path. Looks at all rows: paths have no index.
Done upsert_snapshot(Transaction& transaction, const SnapshotRecord& record);
/// Takes a row away; the count of its parent's children follows. Nothing happens when there is none.
Done delete_snapshot(Transaction& transaction, std::string_view digest);
/// Counts the children of every row anew, whatever others have made of the numbers.
Done recount_children(Transaction& transaction);

}  // namespace msb::index
