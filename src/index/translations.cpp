#include "index/translations.h"

#include "base/time.h"

namespace msb::index {
namespace {

constexpr std::string_view kKind = "v0.6.6-manifest-to-snapshot-v1";

bool has_journal(const Transaction& transaction) {
  return transaction.schema().has("snapshot_artifact_migration", "target_digest");
}

}  // namespace

Result<std::vector<std::string>> unfinished_translations(Transaction& transaction) {
  std::vector<std::string> paths;
  if (!has_journal(transaction)) return paths;
  MSB_TRY(Statement rows, transaction.query("SELECT artifact_path FROM snapshot_artifact_migration"
                                            " WHERE kind = ? AND phase <> 'complete' ORDER BY artifact_path",
                                            {kKind}));
  for (;;) {
    MSB_TRY(const bool row, rows.step());
    if (!row) return paths;
    paths.push_back(rows.text(0));
  }
}

Result<std::optional<std::string>> find_translated(Transaction& transaction, std::string_view source_digest) {
  if (!has_journal(transaction)) return std::optional<std::string>();
  MSB_TRY(Statement rows, transaction.query("SELECT target_digest FROM snapshot_artifact_migration"
                                            " WHERE kind = ? AND source_digest = ? AND phase = 'complete'"
                                            " ORDER BY updated_at DESC LIMIT 1",
                                            {kKind, source_digest}));
  MSB_TRY(const bool row, rows.step());
  return row ? rows.maybe_text(0) : std::nullopt;
}

Done finish_translation(Transaction& transaction, const Translation& translation) {
  const std::string now = format_db_time(now_ns());
  MSB_CHECK(transaction.execute(
      "INSERT INTO snapshot_artifact_migration (kind, artifact_path, source_digest, target_digest,"
      " source_parent_digest, target_parent_digest, payload_integrity, payload_size, payload_file_identity, phase,"
      " attempts, discovered_at, updated_at, completed_at)"
      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'complete', 1, ?10, ?10, ?10)"
      " ON CONFLICT (kind, artifact_path) DO UPDATE SET source_digest = ?3, target_digest = ?4,"
      " source_parent_digest = ?5, target_parent_digest = ?6, payload_integrity = ?7, payload_size = ?8,"
      " payload_file_identity = ?9, phase = 'complete', attempts = attempts + 1, error_code = NULL,"
      " error_detail = NULL, updated_at = ?10, completed_at = ?10",
      {kKind, translation.artifact_path, translation.source_digest, translation.target_digest,
       translation.source_parent, translation.target_parent, translation.payload_integrity, translation.payload_size,
       translation.payload_identity, now}));
  return transaction.execute("UPDATE snapshot_index SET migration_state = 'complete' WHERE digest = ?",
                             {translation.target_digest});
}

}  // namespace msb::index
