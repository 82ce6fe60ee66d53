#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "index/columns.h"
#include "index/database.h"

namespace msb::index {

// Rows about images (formats/images.md §3). Every function runs inside a transaction of the caller. Columns that
// upstream leaves NULL are absent here, not empty; digests are texts, as other programs may have written anything.

/// What an image's configuration says to those who run it.
struct ConfigRecord {
  std::string digest;
  Strings env;
  std::optional<Strings> cmd;
  std::optional<Strings> entrypoint;
  std::optional<std::string> working_dir;
  std::optional<std::string> user;
  std::optional<StringMap> labels;
  std::optional<std::string> stop_signal;
  Strings malformed;  ///< columns whose JSON could not be read, and which are therefore absent; for a warning
};

struct LayerRecord {
  std::string diff_id;
  std::string blob_digest;
  std::optional<std::string> media_type;
  std::optional<uint64_t> compressed_size;
  std::optional<uint64_t> erofs_size;
};

/// An image as it is stored.
struct ImageRecord {
  std::string manifest_digest;
  std::optional<std::string> media_type;
  std::optional<std::string> architecture;
  std::optional<std::string> os;
  std::optional<std::string> variant;
  ConfigRecord config;
  std::vector<LayerRecord> layers;  ///< bottom first; one may appear several times
};

/// A reference and what its manifest's row says. Without a manifest row all of that is absent.
struct ImageRow {
  int64_t id = 0;
  std::string reference;
  std::optional<UnixNanos> created_at;
  std::optional<UnixNanos> last_used_at;
  std::optional<int64_t> manifest_id;
  std::optional<std::string> manifest_digest;
  std::optional<std::string> media_type;
  std::optional<std::string> config_digest;
  std::optional<std::string> architecture;
  std::optional<std::string> os;
  std::optional<std::string> variant;
  std::optional<uint64_t> layer_count;
  std::optional<uint64_t> size;  ///< compressed layers, every entry counted
};

struct LayerRow : LayerRecord {
  int64_t id = 0;
  std::optional<UnixNanos> created_at;
  std::optional<UnixNanos> last_used_at;
};

struct ManifestRow {
  int64_t id = 0;
  std::string digest;
  std::optional<UnixNanos> created_at;
  Strings references;  ///< spellings that lead to it
  Strings diff_ids;    ///< bottom first, repeats included
};

/// Stores an image under a reference, all its columns filled, and counts as a use of it. What is there is completed and
/// kept: the digest of a manifest says that it is the same.
Done persist_image(Transaction& transaction, std::string_view reference, const ImageRecord& image);
/// Counts a use of the image and its layers. False when there is no such reference.
Result<bool> touch_image(Transaction& transaction, std::string_view reference);

/// All references, newest first.
Result<std::vector<ImageRow>> list_images(Transaction& transaction);
/// By the exact spelling.
Result<std::optional<ImageRow>> find_image(Transaction& transaction, std::string_view reference);
/// Id of a manifest.
Result<std::optional<int64_t>> find_manifest(Transaction& transaction, std::string_view digest);
Result<std::optional<ConfigRecord>> find_config(Transaction& transaction, int64_t manifest_id);
/// The same by the digest of the manifest; nothing also when there is no such manifest.
Result<std::optional<ConfigRecord>> find_config(Transaction& transaction, std::string_view manifest_digest);
/// Layers of a manifest, bottom first.
Result<std::vector<LayerRow>> layers_of(Transaction& transaction, int64_t manifest_id);

/// All manifests with what leads to them and what they consist of.
Result<std::vector<ManifestRow>> list_manifests(Transaction& transaction);
Result<std::vector<LayerRow>> list_layers(Transaction& transaction);
/// Layers that no manifest has.
Result<std::vector<LayerRow>> orphan_layers(Transaction& transaction);

/// Takes a reference away; its manifest stays. False when there is none of that spelling.
Result<bool> delete_reference(Transaction& transaction, std::string_view reference);
/// Takes a manifest away with its references and its configuration; its layers stay. Fails while a sandbox's root
/// refers to it.
Done delete_manifest(Transaction& transaction, int64_t id);
/// Fails while a manifest has it.
Done delete_layer(Transaction& transaction, int64_t id);

}  // namespace msb::index
