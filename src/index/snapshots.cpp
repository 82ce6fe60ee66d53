#include "index/snapshots.h"

#include <algorithm>

#include "index/columns.h"

namespace msb::index {
namespace {

constexpr std::string_view kColumns =
    "digest, name, parent_digest, image_ref, image_manifest_digest, artifact_path, size_bytes, created_at, format, "
    "child_count";

/// Rows of the query "SELECT kColumns FROM snapshot_index" with `condition` behind it.
Result<std::vector<SnapshotRow>> select(Transaction& transaction, std::string_view condition,
                                        std::initializer_list<Param> params = {}) {
  std::vector<SnapshotRow> snapshots;
  if (!transaction.schema().has("snapshot_index", "digest")) return snapshots;
  std::string sql = "SELECT " + std::string(kColumns) + " FROM snapshot_index";
  sql += condition;
  MSB_TRY(Statement rows, transaction.query(sql, params));
  for (;;) {
    MSB_TRY(const bool row, rows.step());
    if (!row) return snapshots;
    snapshots.push_back({rows.text(0), rows.maybe_text(1), rows.maybe_text(2), rows.text(3), rows.text(4), rows.text(5),
                         size_column(rows, 6), time_column(rows, 7), rows.maybe_text(8),
                         size_column(rows, 9).value_or(0)});
  }
}

Result<std::optional<SnapshotRow>> select_first(Transaction& transaction, std::string_view condition,
                                                std::string_view value) {
  MSB_TRY(std::vector<SnapshotRow> rows, select(transaction, condition, {value}));
  if (rows.empty()) return std::optional<SnapshotRow>();
  return std::optional(std::move(rows.front()));
}

Done recount_children_of(Transaction& transaction, const std::string& parent) {
  return transaction.execute(
      "UPDATE snapshot_index SET child_count = (SELECT count(*) FROM snapshot_index c WHERE c.parent_digest = ?1)"
      " WHERE digest = ?1",
      {parent});
}

/// Whether another row has the name. When the new one may take it, it does, and nobody has it afterwards.
Result<bool> is_taken(Transaction& transaction, const SnapshotRecord& record) {
  if (!record.name) return false;
  if (record.owns_name) {
    MSB_CHECK(transaction.execute("UPDATE snapshot_index SET name = NULL WHERE name = ?", {record.name}));
    return false;
  }
  MSB_TRY(const auto other, find_snapshot_by_name(transaction, *record.name));
  return other.has_value();
}

Done insert(Transaction& transaction, const SnapshotRecord& record, const std::optional<std::string>& name) {
  const std::string created = format_db_time(record.created_at);
  const std::string indexed = format_db_time(now_ns());
  if (!transaction.schema().has("snapshot_index", "state_kind")) {
    if (record.checkpoint_manifest) {
      return Error(Status::unsupported,
                   record.artifact_path + " is a checkpoint; a home of this release of microsandbox cannot index it")
          .with("path", record.artifact_path);
    }
    return transaction.execute(
        "INSERT INTO snapshot_index (digest, name, parent_digest, image_ref, image_manifest_digest, format, fstype,"
        " artifact_path, size_bytes, created_at, indexed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        {record.digest, name, record.parent_digest, record.image_reference, record.image_manifest_digest, record.format,
         record.fstype, record.artifact_path, record.size, created, indexed});
  }
  // The columns that are not named have defaults: embedded, ready, canonical.
  std::optional<std::string> format;
  std::optional<std::string> fstype;
  std::optional<uint64_t> size;
  if (!record.checkpoint_manifest) {
    format = record.format;
    fstype = record.fstype;
    size = record.size;
  }
  return transaction.execute(
      "INSERT INTO snapshot_index (digest, name, parent_digest, scope, state_kind, image_ref, image_manifest_digest,"
      " format, fstype, checkpoint_manifest_digest, artifact_path, size_bytes, created_at, indexed_at)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {record.digest, name, record.parent_digest, record.scope, record.checkpoint_manifest ? "checkpoint" : "file",
       record.image_reference, record.image_manifest_digest, format, fstype, record.checkpoint_manifest,
       record.artifact_path, size, created, indexed});
}

}  // namespace

Result<std::vector<SnapshotRow>> list_snapshots(Transaction& transaction) {
  MSB_TRY(std::vector<SnapshotRow> snapshots, select(transaction, ""));
  std::sort(snapshots.begin(), snapshots.end(), [](const SnapshotRow& a, const SnapshotRow& b) {
    return a.created_at != b.created_at ? a.created_at > b.created_at : a.digest < b.digest;
  });
  return snapshots;
}

Result<std::optional<SnapshotRow>> find_snapshot(Transaction& transaction, std::string_view digest) {
  return select_first(transaction, " WHERE digest = ? ORDER BY artifact_path LIMIT 1", digest);
}

Result<std::optional<SnapshotRow>> find_snapshot_by_name(Transaction& transaction, std::string_view name) {
  return select_first(transaction, " WHERE name = ? ORDER BY artifact_path LIMIT 1", name);
}

Result<std::optional<SnapshotRow>> find_snapshot_at(Transaction& transaction, std::string_view path) {
  return select_first(transaction, " WHERE artifact_path = ? LIMIT 1", path);
}

Result<uint64_t> count_children(Transaction& transaction, std::string_view digest) {
  if (!transaction.schema().has("snapshot_index", "parent_digest")) return uint64_t{0};
  MSB_TRY(Statement rows, transaction.query("SELECT count(*) FROM snapshot_index WHERE parent_digest = ?", {digest}));
  MSB_TRY(const bool row, rows.step());
  return row ? size_column(rows, 0).value_or(0) : 0;
}

Done insert_snapshot(Transaction& transaction, const SnapshotRecord& record) {
  MSB_TRY(const bool taken, is_taken(transaction, record));
  MSB_CHECK(insert(transaction, record, taken ? std::nullopt : record.name));
  MSB_CHECK(recount_children_of(transaction, record.digest));
  if (record.parent_digest) MSB_CHECK(recount_children_of(transaction, *record.parent_digest));
  return {};
}

Done upsert_snapshot(Transaction& transaction, const SnapshotRecord& record) {
  MSB_TRY(const std::vector<SnapshotRow> replaced,
          select(transaction, " WHERE digest = ?1 OR artifact_path = ?2", {record.digest, record.artifact_path}));
  for (const SnapshotRow& row : replaced) MSB_CHECK(delete_snapshot(transaction, row.digest));
  return insert_snapshot(transaction, record);
}

Done delete_snapshot(Transaction& transaction, std::string_view digest) {
  MSB_TRY(const auto row, find_snapshot(transaction, digest));
  if (!row) return {};
  MSB_CHECK(transaction.execute("DELETE FROM snapshot_index WHERE digest = ?", {digest}));
  if (row->parent_digest) MSB_CHECK(recount_children_of(transaction, *row->parent_digest));
  return {};
}

Done recount_children(Transaction& transaction) {
  return transaction.execute(
      "UPDATE snapshot_index SET child_count ="
      " (SELECT count(*) FROM snapshot_index c WHERE c.parent_digest = snapshot_index.digest)");
}

}  // namespace msb::index
