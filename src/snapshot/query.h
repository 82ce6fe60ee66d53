#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/call.h"
#include "image/context.h"
#include "index/snapshots.h"

namespace msb::snapshot {

using image::Context;

/// What the index knows of the snapshot that `ref` stands for (reference.h). The path in a row is absolute, and it is
/// where the snapshot was when it was indexed; nobody looks whether it still is.
/// @retval Status::snapshot_not_found  it is not in the index
Result<index::SnapshotRow> get(const Context& context, const std::string& ref, const Call& call);

/// Values are those of MSB_SNAPSHOT_SORT_… in the header.
enum class Sort : uint32_t {
  created = 0,  ///< newest first
  name = 1,     ///< by bytes, those without one last
  size = 2,     ///< largest first
};

struct ListOptions {
  /// Only those that have all of these; one without a value has any. Labels are in descriptors, so these are opened,
  /// and what cannot be opened is left out and logged.
  std::vector<std::pair<std::string, std::optional<std::string>>> labels;
  Sort sort = Sort::created;
  bool reverse = false;
  size_t offset = 0;
  size_t limit = 0;  ///< 0 for no limit
};

/// The index. Ties are in order of the digest, also in reverse.
Result<std::vector<index::SnapshotRow>> list(const Context& context, const ListOptions& options, const Call& call);

}  // namespace msb::snapshot
