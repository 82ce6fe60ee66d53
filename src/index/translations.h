#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "index/database.h"

namespace msb::index {

// The journal in which microsandbox 0.6.7 and later keep what becomes of `manifest.json` artifacts when they are given
// a `snapshot.json` (formats/snapshots.md §5.8, §9). Earlier homes have none, and all of these find nothing there.

/// A translation that is done.
struct Translation {
  std::string artifact_path;
  std::string source_digest;  ///< identity before, which others may know the snapshot by
  std::string target_digest;  ///< identity since
  std::optional<std::string> source_parent;
  std::optional<std::string> target_parent;
  std::optional<std::string> payload_integrity;  ///< recorded digest of the disk
  uint64_t payload_size = 0;
  std::string payload_identity;  ///< which file the disk is, as microsandbox spells it
};

/// Artifacts whose translation was begun or has failed.
Result<std::vector<std::string>> unfinished_translations(Transaction& transaction);
/// What became of the snapshot that had that digest before.
Result<std::optional<std::string>> find_translated(Transaction& transaction, std::string_view source_digest);
/// Records it, in place of what the journal says of that artifact.
Done finish_translation(Transaction& transaction, const Translation& translation);

}  // namespace msb::index
