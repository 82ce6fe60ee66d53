#include "index/images.h"

#include <algorithm>
#include <limits>
#include <map>

namespace msb::index {
namespace {

constexpr std::string_view kImages =
    "SELECT r.id, r.reference, r.created_at, r.updated_at, m.id, m.digest, m.media_type, m.config_digest, "
    "m.architecture, m.os, m.variant, m.layer_count, m.total_size_bytes "
    "FROM image_ref r LEFT JOIN manifest m ON m.id = r.manifest_id ";
constexpr std::string_view kLayers =
    "SELECT l.id, l.diff_id, l.blob_digest, l.media_type, l.compressed_size_bytes, l.erofs_size_bytes, l.created_at, "
    "l.last_used_at FROM layer l ";

std::string join(std::string_view columns, std::string_view rest) { return std::string(columns).append(rest); }

ImageRow image_row(const Statement& row) {
  ImageRow image;
  image.id = row.integer(0);
  image.reference = row.text(1);
  image.created_at = time_column(row, 2);
  image.last_used_at = time_column(row, 3);
  image.manifest_id = row.maybe_integer(4);
  image.manifest_digest = row.maybe_text(5);
  image.media_type = row.maybe_text(6);
  image.config_digest = row.maybe_text(7);
  image.architecture = row.maybe_text(8);
  image.os = row.maybe_text(9);
  image.variant = row.maybe_text(10);
  image.layer_count = size_column(row, 11);
  image.size = size_column(row, 12);
  return image;
}

LayerRow layer_row(const Statement& row) {
  LayerRow layer;
  layer.id = row.integer(0);
  layer.diff_id = row.text(1);
  layer.blob_digest = row.text(2);
  layer.media_type = row.maybe_text(3);
  layer.compressed_size = size_column(row, 4);
  layer.erofs_size = size_column(row, 5);
  layer.created_at = time_column(row, 6);
  layer.last_used_at = time_column(row, 7);
  return layer;
}

Result<std::vector<LayerRow>> layer_rows(Statement rows) {
  std::vector<LayerRow> layers;
  for (;;) {
    MSB_TRY(const bool row, rows.step());
    if (!row) return layers;
    layers.push_back(layer_row(rows));
  }
}

Result<std::optional<int64_t>> find_id(Transaction& transaction, std::string_view sql, std::string_view key) {
  MSB_TRY(Statement rows, transaction.query(sql, {key}));
  MSB_TRY(const bool row, rows.step());
  if (!row) return std::optional<int64_t>();
  return std::optional(rows.integer(0));
}

// Looking first, where upstream inserts on conflict: an upsert uses up an id each time.

Result<int64_t> store_manifest(Transaction& transaction, const ImageRecord& image, const std::string& now) {
  uint64_t total = 0;
  for (const LayerRecord& layer : image.layers) {
    total = checked_add(total, layer.compressed_size.value_or(0)).value_or(std::numeric_limits<uint64_t>::max());
  }
  MSB_TRY(const auto id, find_manifest(transaction, image.manifest_digest));
  if (id) {
    MSB_CHECK(transaction.execute(
        "UPDATE manifest SET media_type = coalesce(?, media_type), config_digest = ?, architecture = "
        "coalesce(?, architecture), os = coalesce(?, os), variant = coalesce(?, variant), layer_count = ?, "
        "total_size_bytes = ? WHERE id = ?",
        {image.media_type, image.config.digest, image.architecture, image.os, image.variant, image.layers.size(), total,
         *id}));
    return *id;
  }
  MSB_CHECK(transaction.execute(
      "INSERT INTO manifest (digest, media_type, config_digest, architecture, os, variant, layer_count, "
      "total_size_bytes, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {image.manifest_digest, image.media_type, image.config.digest, image.architecture, image.os, image.variant,
       image.layers.size(), total, now}));
  return transaction.last_row_id();
}

/// Leaves the row alone when it says all of that already.
Done store_config(Transaction& transaction, int64_t manifest, const ConfigRecord& config, const std::string& now) {
  const auto array = [](const std::optional<Strings>& strings) {
    return strings ? std::optional(write_strings(*strings)) : std::nullopt;
  };
  const auto env = config.env.empty() ? std::nullopt : std::optional(write_strings(config.env));
  const auto cmd = array(config.cmd);
  const auto entrypoint = array(config.entrypoint);
  const bool labelled = config.labels && !config.labels->empty();
  const auto labels = labelled ? std::optional(write_string_map(*config.labels)) : std::nullopt;
  MSB_TRY(Statement same, transaction.query("SELECT 1 FROM config WHERE manifest_id = ? AND digest = ? AND env IS ? "
                                            "AND cmd IS ? AND entrypoint IS ? AND working_dir IS ? AND user IS ? "
                                            "AND labels IS ? AND stop_signal IS ?",
                                            {manifest, config.digest, env, cmd, entrypoint, config.working_dir,
                                             config.user, labels, config.stop_signal}));
  MSB_TRY(const bool known, same.step());
  if (known) return {};
  MSB_CHECK(transaction.execute("DELETE FROM config WHERE manifest_id = ?", {manifest}));
  return transaction.execute(
      "INSERT INTO config (manifest_id, digest, env, cmd, entrypoint, working_dir, user, labels, stop_signal, "
      "created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {manifest, config.digest, env, cmd, entrypoint, config.working_dir, config.user, labels, config.stop_signal,
       now});
}

Result<int64_t> store_layer(Transaction& transaction, const LayerRecord& layer, const std::string& now) {
  MSB_TRY(const auto id, find_id(transaction, "SELECT id FROM layer WHERE diff_id = ?", layer.diff_id));
  if (id) {
    // Where the blob came from stays as its first image had it; the manifests know theirs.
    MSB_CHECK(transaction.execute(
        "UPDATE layer SET last_used_at = ?, media_type = coalesce(media_type, ?), compressed_size_bytes = "
        "coalesce(compressed_size_bytes, ?), erofs_size_bytes = coalesce(?, erofs_size_bytes) WHERE id = ?",
        {now, layer.media_type, layer.compressed_size, layer.erofs_size, *id}));
    return *id;
  }
  MSB_CHECK(transaction.execute(
      "INSERT INTO layer (diff_id, blob_digest, media_type, compressed_size_bytes, erofs_size_bytes, created_at, "
      "last_used_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
      {layer.diff_id, layer.blob_digest, layer.media_type, layer.compressed_size, layer.erofs_size, now, now}));
  return transaction.last_row_id();
}

/// From the bottom up, which are `layers`; rows that say so already are left alone.
Done store_layers_of(Transaction& transaction, int64_t manifest, const std::vector<int64_t>& layers) {
  std::vector<int64_t> known;
  MSB_TRY(Statement rows,
          transaction.query("SELECT layer_id FROM manifest_layer WHERE manifest_id = ? ORDER BY position", {manifest}));
  for (;;) {
    MSB_TRY(const bool row, rows.step());
    if (!row) break;
    known.push_back(rows.integer(0));
  }
  if (known == layers) return {};
  MSB_CHECK(transaction.execute("DELETE FROM manifest_layer WHERE manifest_id = ?", {manifest}));
  for (size_t position = 0; position < layers.size(); ++position) {
    MSB_CHECK(transaction.execute("INSERT INTO manifest_layer (manifest_id, layer_id, position) VALUES (?, ?, ?)",
                                  {manifest, layers[position], position}));
  }
  return {};
}

}  // namespace

Result<std::optional<int64_t>> find_manifest(Transaction& transaction, std::string_view digest) {
  return find_id(transaction, "SELECT id FROM manifest WHERE digest = ?", digest);
}

Done persist_image(Transaction& transaction, std::string_view reference, const ImageRecord& image) {
  const std::string now = format_db_time(now_ns());
  MSB_TRY(const int64_t manifest, store_manifest(transaction, image, now));
  MSB_CHECK(store_config(transaction, manifest, image.config, now));
  std::vector<int64_t> layers;
  for (const LayerRecord& record : image.layers) {
    MSB_TRY(const int64_t layer, store_layer(transaction, record, now));
    layers.push_back(layer);
  }
  MSB_CHECK(store_layers_of(transaction, manifest, layers));
  MSB_TRY(const auto known, find_id(transaction, "SELECT id FROM image_ref WHERE reference = ?", reference));
  if (known) {
    return transaction.execute("UPDATE image_ref SET manifest_id = ?, updated_at = ? WHERE id = ?",
                               {manifest, now, *known});
  }
  return transaction.execute(
      "INSERT INTO image_ref (reference, manifest_id, created_at, updated_at) VALUES (?, ?, ?, ?)",
      {reference, manifest, now, now});
}

Result<bool> touch_image(Transaction& transaction, std::string_view reference) {
  const std::string now = format_db_time(now_ns());
  MSB_CHECK(transaction.execute("UPDATE image_ref SET updated_at = ? WHERE reference = ?", {now, reference}));
  if (transaction.changes() == 0) return false;
  MSB_CHECK(transaction.execute(
      "UPDATE layer SET last_used_at = ? WHERE id IN (SELECT ml.layer_id FROM manifest_layer ml JOIN image_ref r ON "
      "r.manifest_id = ml.manifest_id WHERE r.reference = ?)",
      {now, reference}));
  return true;
}

Result<std::vector<ImageRow>> list_images(Transaction& transaction) {
  MSB_TRY(Statement rows, transaction.query(kImages));
  std::vector<ImageRow> images;
  for (;;) {
    MSB_TRY(const bool row, rows.step());
    if (!row) break;
    images.push_back(image_row(rows));
  }
  // Not in SQL: as texts, times in different notations do not compare.
  std::sort(images.begin(), images.end(), [](const ImageRow& a, const ImageRow& b) {
    return a.created_at != b.created_at ? a.created_at > b.created_at : a.id > b.id;
  });
  return images;
}

Result<std::optional<ImageRow>> find_image(Transaction& transaction, std::string_view reference) {
  MSB_TRY(Statement rows, transaction.query(join(kImages, "WHERE r.reference = ?"), {reference}));
  MSB_TRY(const bool row, rows.step());
  if (!row) return std::optional<ImageRow>();
  return std::optional(image_row(rows));
}

Result<std::optional<ConfigRecord>> find_config(Transaction& transaction, int64_t manifest_id) {
  MSB_TRY(Statement rows, transaction.query("SELECT digest, env, cmd, entrypoint, working_dir, user, labels, "
                                            "stop_signal FROM config WHERE manifest_id = ?",
                                            {manifest_id}));
  MSB_TRY(const bool row, rows.step());
  if (!row) return std::optional<ConfigRecord>();
  ConfigRecord config;
  const auto strings = [&](int column, const char* name) {
    const auto text = rows.maybe_text(column);
    auto value = text ? read_strings(*text) : std::nullopt;
    if (text && !value) config.malformed.emplace_back(name);
    return value;
  };
  config.digest = rows.text(0);
  config.env = strings(1, "env").value_or(Strings());
  config.cmd = strings(2, "cmd");
  config.entrypoint = strings(3, "entrypoint");
  config.working_dir = rows.maybe_text(4);
  config.user = rows.maybe_text(5);
  if (const auto text = rows.maybe_text(6)) {
    config.labels = read_string_map(*text);
    if (!config.labels) config.malformed.emplace_back("labels");
  }
  config.stop_signal = rows.maybe_text(7);
  return std::optional(std::move(config));
}

Result<std::optional<ConfigRecord>> find_config(Transaction& transaction, std::string_view manifest_digest) {
  MSB_TRY(const auto manifest, find_manifest(transaction, manifest_digest));
  if (!manifest) return std::optional<ConfigRecord>();
  return find_config(transaction, *manifest);
}

Result<std::vector<LayerRow>> layers_of(Transaction& transaction, int64_t manifest_id) {
  MSB_TRY(
      Statement rows,
      transaction.query(
          join(kLayers, "JOIN manifest_layer ml ON ml.layer_id = l.id WHERE ml.manifest_id = ? ORDER BY ml.position"),
          {manifest_id}));
  return layer_rows(std::move(rows));
}

Result<std::vector<ManifestRow>> list_manifests(Transaction& transaction) {
  std::vector<ManifestRow> manifests;
  std::map<int64_t, size_t> places;
  MSB_TRY(Statement rows, transaction.query("SELECT id, digest, created_at FROM manifest ORDER BY id"));
  for (;;) {
    MSB_TRY(const bool row, rows.step());
    if (!row) break;
    places.emplace(rows.integer(0), manifests.size());
    manifests.push_back({rows.integer(0), rows.text(1), time_column(rows, 2), {}, {}});
  }
  const auto append = [&](std::string_view sql, Strings ManifestRow::*list) -> Done {
    MSB_TRY(Statement parts, transaction.query(sql));
    for (;;) {
      MSB_TRY(const bool row, parts.step());
      if (!row) return {};
      const auto place = places.find(parts.integer(0));
      if (place != places.end()) (manifests[place->second].*list).push_back(parts.text(1));
    }
  };
  MSB_CHECK(append("SELECT manifest_id, reference FROM image_ref ORDER BY id", &ManifestRow::references));
  MSB_CHECK(
      append("SELECT ml.manifest_id, l.diff_id FROM manifest_layer ml JOIN layer l ON l.id = ml.layer_id "
             "ORDER BY ml.manifest_id, ml.position",
             &ManifestRow::diff_ids));
  return manifests;
}

Result<std::vector<LayerRow>> list_layers(Transaction& transaction) {
  MSB_TRY(Statement rows, transaction.query(join(kLayers, "ORDER BY l.id")));
  return layer_rows(std::move(rows));
}

Result<std::vector<LayerRow>> orphan_layers(Transaction& transaction) {
  MSB_TRY(Statement rows,
          transaction.query(join(
              kLayers, "WHERE NOT EXISTS (SELECT 1 FROM manifest_layer ml WHERE ml.layer_id = l.id) ORDER BY l.id")));
  return layer_rows(std::move(rows));
}

Result<bool> delete_reference(Transaction& transaction, std::string_view reference) {
  MSB_CHECK(transaction.execute("DELETE FROM image_ref WHERE reference = ?", {reference}));
  return transaction.changes() != 0;
}

Done delete_manifest(Transaction& transaction, int64_t id) {
  return transaction.execute("DELETE FROM manifest WHERE id = ?", {id});
}

Done delete_layer(Transaction& transaction, int64_t id) {
  return transaction.execute("DELETE FROM layer WHERE id = ?", {id});
}

}  // namespace msb::index
