#include "image/catalogue.h"

#include <algorithm>

#include "json/parse.h"

namespace msb::image {
namespace {

using index::Statement;
using index::Transaction;

/// The manifests that a stored configuration pins (formats/snapshots.md §5.5). False when it cannot be read.
bool pinned_digests(const std::string& config, std::vector<std::string>& into) {
  if (config.empty()) return true;
  const auto value = json::parse(config);
  if (!value || value->object() == nullptr) return false;
  const json::Value* digest = value->find("manifest_digest");
  if (digest == nullptr || digest->is_null()) return true;
  if (digest->string() == nullptr) return false;
  into.push_back(*digest->string());
  return true;
}

/// Runs a query and appends one row of `rows` for each row of it.
template <typename Row, typename Read>
Done collect(Transaction& transaction, std::string_view sql, std::vector<Row>& rows, Read read) {
  MSB_TRY(Statement statement, transaction.query(sql));
  for (;;) {
    MSB_TRY(const bool more, statement.step());
    if (!more) return {};
    read(statement, rows.emplace_back());
  }
}

/// Configuration that a sandbox runs with may differ from the one it is going to start with; releases before 0.6.4 do
/// not record it.
std::string active_config(const Transaction& transaction) {
  return transaction.schema().has("sandbox", "active_config") ? "s.active_config" : "NULL";
}

Done read_images(Transaction& transaction, Catalogue& into) {
  MSB_CHECK(collect(transaction, "SELECT id, manifest_id, reference, updated_at FROM image_ref ORDER BY id",
                    into.references, [](const Statement& row, ReferenceRow& reference) {
                      reference.id = row.integer(0);
                      reference.manifest_id = row.integer(1);
                      reference.reference = row.text(2);
                      reference.last_used = row.text(3);
                      reference.last_used_at = parse_time(reference.last_used).value_or(0);
                    }));
  MSB_CHECK(collect(transaction,
                    "SELECT m.id, m.digest, m.config_digest, c.labels FROM manifest m"
                    " LEFT JOIN config c ON c.manifest_id = m.id ORDER BY m.id",
                    into.manifests, [](const Statement& row, ManifestRow& manifest) {
                      manifest.id = row.integer(0);
                      manifest.digest = row.text(1);
                      manifest.config_digest = row.text(2);
                      manifest.labels = row.text(3);
                    }));
  MSB_CHECK(collect(transaction, "SELECT id, diff_id, blob_digest FROM layer", into.layers,
                    [](const Statement& row, LayerRow& layer) {
                      layer.id = row.integer(0);
                      layer.diff_id = row.text(1);
                      layer.blob_digest = row.text(2);
                    }));
  return collect(transaction, "SELECT manifest_id, layer_id FROM manifest_layer", into.manifest_layers,
                 [](const Statement& row, ManifestLayerRow& link) {
                   link.manifest_id = row.integer(0);
                   link.layer_id = row.integer(1);
                 });
}

Done read_users(Transaction& transaction, Catalogue& into) {
  MSB_CHECK(collect(transaction,
                    "SELECT s.id, s.name, r.manifest_id, s.config, " + active_config(transaction) +
                        " FROM sandbox s LEFT JOIN sandbox_rootfs r ON r.sandbox_id = s.id",
                    into.sandboxes, [](const Statement& row, SandboxRow& sandbox) {
                      sandbox.id = row.integer(0);
                      sandbox.name = row.text(1);
                      sandbox.manifest_id = row.integer(2);
                      const bool stored = pinned_digests(row.text(3), sandbox.digests);
                      const bool active = pinned_digests(row.text(4), sandbox.digests);
                      sandbox.readable = stored && active;
                    }));
  if (!transaction.schema().has("snapshot_index", "image_manifest_digest")) return {};
  return collect(transaction, "SELECT coalesce(name, digest), artifact_path, image_manifest_digest FROM snapshot_index",
                 into.snapshots, [](const Statement& row, SnapshotRow& snapshot) {
                   snapshot.name = row.text(0);
                   snapshot.artifact_path = row.text(1);
                   snapshot.manifest_digest = row.text(2);
                 });
}

}  // namespace

Result<Catalogue> read_catalogue(const Context& context, const Call& call) {
  return context.database.read(call, [](Transaction& transaction) -> Result<Catalogue> {
    Catalogue catalogue;
    MSB_CHECK(read_images(transaction, catalogue));
    MSB_CHECK(read_users(transaction, catalogue));
    return catalogue;
  });
}

Result<std::vector<std::string>> sandboxes_using(Transaction& transaction, int64_t manifest_id,
                                                 const std::string& manifest_digest) {
  const std::string active = active_config(transaction);
  MSB_TRY(Statement row, transaction.query("SELECT s.name, coalesce(r.manifest_id = ?1, 0), s.config, " + active +
                                               " FROM sandbox s LEFT JOIN sandbox_rootfs r ON r.sandbox_id = s.id"
                                               " WHERE r.manifest_id = ?1 OR instr(s.config, ?2) > 0"
                                               " OR instr(coalesce(" +
                                               active + ", ''), ?2) > 0",
                                           {manifest_id, manifest_digest}));
  std::vector<std::string> names;
  for (;;) {
    MSB_TRY(const bool more, row.step());
    if (!more) break;
    bool uses = row.integer(1) != 0;
    if (!uses) {
      // The digest is somewhere in the text; only a malformed text is taken at that.
      std::vector<std::string> digests;
      const bool readable = pinned_digests(row.text(2), digests) && pinned_digests(row.text(3), digests);
      uses = !readable || std::ranges::find(digests, manifest_digest) != digests.end();
    }
    if (uses) names.push_back(row.text(0));
  }
  std::ranges::sort(names);
  return names;
}

Result<bool> indexed_snapshot_uses(Transaction& transaction, const std::string& manifest_digest) {
  if (!transaction.schema().has("snapshot_index", "image_manifest_digest")) return false;
  MSB_TRY(Statement row,
          transaction.query("SELECT 1 FROM snapshot_index WHERE image_manifest_digest = ? LIMIT 1", {manifest_digest}));
  return row.step();
}

}  // namespace msb::image
