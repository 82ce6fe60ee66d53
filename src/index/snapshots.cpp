#include "index/snapshots.h"

#include <algorithm>

#include "index/columns.h"

namespace msb::index {

Result<std::vector<SnapshotRow>> list_snapshots(Transaction& transaction) {
  std::vector<SnapshotRow> snapshots;
  if (!transaction.schema().has("snapshot_index", "digest")) return snapshots;
  MSB_TRY(Statement rows, transaction.query("SELECT digest, name, parent_digest, image_ref, image_manifest_digest, "
                                            "artifact_path, size_bytes, created_at FROM snapshot_index"));
  for (;;) {
    MSB_TRY(const bool row, rows.step());
    if (!row) break;
    snapshots.push_back({rows.text(0), rows.maybe_text(1), rows.maybe_text(2), rows.text(3), rows.text(4), rows.text(5),
                         size_column(rows, 6), time_column(rows, 7)});
  }
  std::sort(snapshots.begin(), snapshots.end(), [](const SnapshotRow& a, const SnapshotRow& b) {
    return a.created_at != b.created_at ? a.created_at > b.created_at : a.digest < b.digest;
  });
  return snapshots;
}

}  // namespace msb::index
