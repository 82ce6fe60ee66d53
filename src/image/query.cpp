#include "image/query.h"

#include <cerrno>
#include <utility>

#include "base/found.h"
#include "digest/digest.h"
#include "image/documents.h"
#include "oci/config.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "os/dir.h"
#include "os/file.h"

namespace msb::image {
namespace {

Error not_found(const std::string& reference) {
  return Error(Status::image_not_found, reference).with("reference", reference);
}

Result<index::ImageRow> find(index::Transaction& transaction, const std::string& text) {
  MSB_TRY(auto exact, index::find_image(transaction, text));
  if (exact) return std::move(*exact);
  MSB_TRY(const oci::Reference wanted, oci::Reference::parse(text));
  MSB_TRY(auto images, index::list_images(transaction));
  for (index::ImageRow& image : images) {
    const auto reference = oci::Reference::parse(image.reference);
    if (reference && reference->normalized() == wanted.normalized()) return std::move(image);
  }
  for (index::ImageRow& image : images) {
    if (leads_by_digest(text, image)) return std::move(image);
  }
  return not_found(text);
}

/// The document of the image's reference, if it is one of its manifest.
Result<std::optional<oci::CacheRecord>> document_of(const Context& context, const index::ImageRow& image) {
  using Found = std::optional<oci::CacheRecord>;
  const auto reference = oci::Reference::parse(image.reference);
  if (!reference) return Found();
  const std::string path = context.paths.metadata(reference->cache_key());
  MSB_TRY(const auto text, read_document(context, path, oci::kMaxCacheRecordBytes));
  if (!text) return Found();
  auto record = oci::CacheRecord::parse(*text);
  if (!record || record->manifest_digest.text() != image.manifest_digest) return Found();
  return Found(std::move(*record));
}

template <typename T, typename U>
void fill(std::optional<T>& member, const U& value) {
  if (!member) member = value;
}

/// What the columns of an image lack. In homes of microsandbox that is much (formats/images.md §3).
void complete(ImageDetail& detail, const oci::CacheRecord& record) {
  if (detail.config) {
    fill(detail.config->stop_signal, record.config.stop_signal);
    if (!record.config.labels.empty()) fill(detail.config->labels, record.config.labels);
  }
  if (const auto manifest = oci::parse_manifest(record.raw_manifest))
    fill(detail.image.media_type, manifest->media_type);
  if (const auto config = oci::parse_config(record.raw_config)) {
    // The columns of microsandbox hold the platform of the machine, not that of the image.
    const oci::Platform& platform = config->platform;
    if (!platform.architecture.empty()) detail.image.architecture = platform.architecture;
    if (!platform.os.empty()) detail.image.os = platform.os;
    if (!platform.variant.empty()) detail.image.variant = platform.variant;
  }
  // Rows of layers are shared among images, and say how the first one shipped the layer.
  if (record.layers.size() != detail.layers.size()) return;
  for (size_t i = 0; i < detail.layers.size(); ++i) {
    const oci::CacheRecord::Layer& layer = record.layers[i];
    index::LayerRow& row = detail.layers[i];
    if (layer.diff_id.text() != row.diff_id) continue;
    row.blob_digest = layer.digest.text();
    if (layer.media_type) row.media_type = layer.media_type;
    if (layer.size) row.compressed_size = layer.size;
  }
}

Done measure_layers(const Context& context, std::vector<index::LayerRow>& layers) {
  for (index::LayerRow& layer : layers) {
    const auto diff_id = Digest::parse(layer.diff_id);
    struct stat st {};
    if (!diff_id) continue;
    const std::string path = context.paths.layer(diff_id->safe_name());
    const int result = context.fs.fstatat(AT_FDCWD, path.c_str(), &st, 0);
    if (result == 0) layer.erofs_size = static_cast<uint64_t>(st.st_size);
    if (result < 0 && result != -ENOENT) return Error::io("stat", path, -result);
  }
  return {};
}

}  // namespace

bool leads_by_digest(const std::string& text, const index::ImageRow& row) {
  if (!row.manifest_digest) return false;
  if (text == *row.manifest_digest) return true;
  if (!text.ends_with("@" + *row.manifest_digest)) return false;
  const auto wanted = oci::Reference::parse(text);
  const auto stored = oci::Reference::parse(row.reference);
  return wanted && stored && wanted->registry() == stored->registry() && wanted->repository() == stored->repository();
}

Result<index::ImageRow> get(const Context& context, const std::string& reference, const Call& call) {
  return context.database.read(call, [&](index::Transaction& transaction) { return find(transaction, reference); });
}

Result<std::vector<index::ImageRow>> list(const Context& context, const Call& call) {
  return context.database.read(call, [](index::Transaction& transaction) { return index::list_images(transaction); });
}

Result<ImageDetail> inspect(const Context& context, const std::string& reference, const Call& call) {
  MSB_TRY(ImageDetail detail, context.database.read(call, [&](index::Transaction& transaction) -> Result<ImageDetail> {
    ImageDetail found;
    MSB_TRY(found.image, find(transaction, reference));
    if (!found.image.manifest_id) return found;
    MSB_TRY(found.config, index::find_config(transaction, *found.image.manifest_id));
    MSB_TRY(found.layers, index::layers_of(transaction, *found.image.manifest_id));
    return found;
  }));
  if (detail.config) {
    for (const std::string& column : detail.config->malformed) {
      context.log.warn("image", "column config." + column + " of " + detail.image.reference + " cannot be read");
    }
  }
  MSB_TRY(const auto record, document_of(context, detail.image));
  if (record) complete(detail, *record);
  MSB_CHECK(measure_layers(context, detail.layers));
  return detail;
}

Result<oci::CacheRecord> find_document(const Context& context, const std::string& reference, const Call& call) {
  MSB_TRY(const index::ImageRow image, get(context, reference, call));
  MSB_TRY(auto own, document_of(context, image));
  if (own) return std::move(*own);
  MSB_TRY(const auto others, list(context, call));
  for (const index::ImageRow& other : others) {
    if (!image.manifest_digest || other.manifest_digest != image.manifest_digest) continue;
    MSB_TRY(auto record, document_of(context, other));
    if (record) return std::move(*record);
  }
  return Error(Status::image_not_found, reference + ": its document is missing; load or pull the image again")
      .with("reference", reference);
}

Result<oci::CacheRecord> find_document_of(const Context& context, const Digest& manifest, const Call& call) {
  MSB_TRY(const auto images, list(context, call));
  for (const index::ImageRow& image : images) {
    if (image.manifest_digest != manifest.text()) continue;
    MSB_TRY(auto record, document_of(context, image));
    if (record) return std::move(*record);
  }
  // Its references may have moved on; the document says itself whose it is.
  const auto not_there = [&] {
    return Error(Status::image_not_found, manifest.text()).with("digest", manifest.text());
  };
  MSB_TRY(const auto dir, if_there(os::open_dir(context.fs, context.paths.manifests())));
  if (!dir) return not_there();
  MSB_TRY(const auto entries, os::list_dir(*dir));
  for (const os::DirEntry& entry : entries) {
    MSB_CHECK(call.check());
    if (!entry.name.ends_with(".json")) continue;
    MSB_TRY(const auto text, read_document(context, os::join_path(dir->path(), entry.name), oci::kMaxCacheRecordBytes));
    if (!text || text->find(manifest.text()) == std::string::npos) continue;
    auto record = oci::CacheRecord::parse(*text);
    if (record && record->manifest_digest == manifest) return std::move(*record);
  }
  return not_there();
}

}  // namespace msb::image
