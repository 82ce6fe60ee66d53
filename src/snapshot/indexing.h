#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/call.h"
#include "image/context.h"
#include "index/snapshots.h"
#include "snapshot/artifact.h"

namespace msb::snapshot {

using image::Context;

// The index remembers artifacts; the directories are the truth. A row has the canonical path. Of several copies of one
// snapshot it has one: a copy in the snapshots directory before others, else the one it had. A name belongs to the
// artifact in the snapshots directory; elsewhere the first one has it, and others go without.

/// What the index is to say about an artifact whose path is canonical.
Result<index::SnapshotRecord> record_of(const Context& context, const Artifact& artifact);
/// The same as a row that has just been read, for those who have the artifact at hand.
Result<index::SnapshotRow> row_of(const Context& context, const Artifact& artifact);

/// Makes the index say what is at the canonical `path` at this moment, in one transaction: concurrent writers of one
/// place leave the row of the last. The row, or nothing when no snapshot is there.
/// @retval Status::snapshot_integrity, Status::io  what is there cannot be opened; the index is as before
Result<std::optional<index::SnapshotRow>> index_path(const Context& context, const std::string& path, const Call& call);

/// The same for many places in one transaction, which looks through the index once. All of them or, after a failure,
/// none. Rows are in the order of `paths`. Reports Phase::indexing.
Result<std::vector<std::optional<index::SnapshotRow>>> index_paths(const Context& context,
                                                                   std::span<const std::string> paths,
                                                                   const Call& call);

/// The row of that digest, or of what became of it when the descriptor was translated (translate.h).
Result<std::optional<index::SnapshotRow>> find_row_of(index::Transaction& transaction, const std::string& digest);
/// The row of that name; in a home of 0.7 also by `GROUP:NAME` or id.
Result<std::optional<index::SnapshotRow>> find_row_named(index::Transaction& transaction, const std::string& name);
/// The row whose path leads to the canonical `path`, however it is spelled.
Result<std::optional<index::SnapshotRow>> find_row_at(index::Transaction& transaction, const std::string& path);

struct Reindexed {
  uint32_t indexed = 0;  ///< snapshots found and in the index now
  uint32_t added = 0;    ///< of these, those whose row was missing or wrong
  uint32_t dropped = 0;  ///< rows of what is gone
};
/// Brings the index in line with a directory (reference.h, directory_named()): indexes the snapshots directly below it,
/// drops rows of what is gone there, and counts children anew. One transaction. What cannot be opened is logged, and
/// keeps its row. Reports Phase::indexing.
Result<Reindexed> reindex(const Context& context, const std::optional<std::string>& dir, const Call& call);

}  // namespace msb::snapshot
