#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/call.h"
#include "base/time.h"
#include "image/context.h"

namespace msb::image {

// What the index says about images and their users, in one consistent state (formats/images.md §3, snapshots.md §5).

struct ReferenceRow {
  int64_t id = 0;
  int64_t manifest_id = 0;
  std::string reference;       ///< the user's spelling
  std::string last_used;       ///< as stored; says whether the row has been used again since it was read
  UnixNanos last_used_at = 0;  ///< 0 when the stored text is no time
};

struct ManifestRow {
  int64_t id = 0;
  std::string digest;
  std::string config_digest;  ///< empty when not recorded
  std::string labels;         ///< JSON object of the config, or empty
};

struct LayerRow {
  int64_t id = 0;
  std::string diff_id;
  std::string blob_digest;
};

struct ManifestLayerRow {
  int64_t manifest_id = 0;
  int64_t layer_id = 0;
};

struct SandboxRow {
  int64_t id = 0;
  std::string name;
  int64_t manifest_id = 0;           ///< of its root file system once it has booted; else 0
  std::vector<std::string> digests;  ///< manifests that its stored configurations pin
  bool readable = true;              ///< false when a stored configuration is no JSON object
};

struct SnapshotRow {
  std::string name;  ///< or the digest, where there is no name
  std::string artifact_path;
  std::string manifest_digest;
};

struct Catalogue {
  std::vector<ReferenceRow> references;  ///< by id
  std::vector<ManifestRow> manifests;
  std::vector<LayerRow> layers;
  std::vector<ManifestLayerRow> manifest_layers;
  std::vector<SandboxRow> sandboxes;
  std::vector<SnapshotRow> snapshots;
};

/// Reads all of it in one transaction.
Result<Catalogue> read_catalogue(const Context& context, const Call& call);

/// Names of the sandboxes that use a manifest: that have booted from it, or whose stored configuration pins it. Sorted.
Result<std::vector<std::string>> sandboxes_using(index::Transaction& transaction, int64_t manifest_id,
                                                 const std::string& manifest_digest);
/// True when an indexed snapshot needs the manifest.
Result<bool> indexed_snapshot_uses(index::Transaction& transaction, const std::string& manifest_digest);

}  // namespace msb::image
