#pragma once

#include <cstdint>
#include <optional>
#include <string>
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
};

/// All indexed snapshots, newest first. Empty where the database has no such table.
Result<std::vector<SnapshotRow>> list_snapshots(Transaction& transaction);

}  // namespace msb::index
