#include "image/cached_image.h"

#include <cerrno>

#include "base/found.h"
#include "erofs/reader.h"
#include "image/documents.h"
#include "image/image_record.h"
#include "image/query.h"
#include "os/dir.h"

namespace msb::image {
namespace {

/// The document of the reference, else of the manifest that it names.
Result<std::optional<oci::CacheRecord>> find_record(const Context& context, const Spelling& spelling,
                                                    const Call& call) {
  using Found = std::optional<oci::CacheRecord>;
  const std::string path = context.paths.metadata(spelling.reference.cache_key());
  MSB_TRY(const auto text, read_document(context, path, oci::kMaxCacheRecordBytes));
  if (text) {
    auto record = oci::CacheRecord::parse(*text);
    if (record) return Found(std::move(*record));
  }
  const auto digest = Digest::parse(spelling.reference.digest());
  if (!digest) return Found();
  return if_there(find_document_of(context, *digest, call), {Status::image_not_found});
}

/// Size of a layer or fsmeta file that is whole as far as its head tells; nothing for others.
Result<std::optional<uint64_t>> usable_size(const Context& context, const std::string& path) {
  using Found = std::optional<uint64_t>;
  MSB_TRY(const auto file, if_there(os::File::open_regular(context.fs, AT_FDCWD, path)));
  if (!file) return Found();
  MSB_TRY(const auto super, if_there(erofs::check_file(*file), {Status::image_invalid}));
  if (!super) return Found();
  MSB_TRY(const uint64_t size, file->size());
  return Found(size);
}

}  // namespace

Result<std::optional<CachedImage>> find_cached(const Context& context, const Spelling& spelling,
                                               const std::optional<oci::Platform>& platform, const Lease& lease,
                                               const Call& call) {
  using Found = std::optional<CachedImage>;
  MSB_TRY(auto record, find_record(context, spelling, call));
  if (!record) return Found();
  MSB_CHECK(lease.add(record->manifest_digest, call));
  const auto manifest = oci::parse_manifest(record->raw_manifest);
  const auto config = oci::parse_config(record->raw_config);
  if (!manifest || !config || manifest->layers.size() != record->layers.size()) return Found();
  if (platform && !oci::check_platform(*config, *platform, spelling.text)) return Found();

  const std::string name = record->manifest_digest.safe_name();
  MSB_TRY(const auto fsmeta, usable_size(context, context.paths.fsmeta(name)));
  MSB_TRY(const bool vmdk, os::exists(context.fs, context.paths.vmdk(name)));
  if (!fsmeta || !vmdk) return Found();
  std::vector<AssembledLayer> parts;
  for (const oci::CacheRecord::Layer& layer : record->layers) {
    MSB_CHECK(call.check());
    MSB_TRY(const auto size, usable_size(context, context.paths.layer(layer.diff_id.safe_name())));
    if (!size) return Found();
    parts.push_back({layer.diff_id, *size});
  }
  CachedImage image;
  image.manifest = record->manifest_digest;
  image.ready.spellings.push_back(spelling);
  image.ready.row = make_record(image.manifest, *manifest, *config, parts);
  image.ready.document = std::move(*record);
  return Found(std::move(image));
}

Result<index::ImageRow> use_cached(const Context& context, const CachedImage& image, const Call& call) {
  const std::string& reference = image.ready.spellings.front().text;
  if (context.read_only) return get(context, reference, call);
  MSB_TRY(const auto row, if_there(get(context, reference, call), {Status::image_not_found}));
  const bool known = row && row->reference == reference && row->manifest_digest == image.manifest.text();
  if (!known) {
    MSB_TRY(auto rows, register_images(context, std::span(&image.ready, 1), call));
    return std::move(rows.front());
  }
  return context.database.write(call, [&](index::Transaction& transaction) -> Result<index::ImageRow> {
    MSB_TRY(const bool touched, index::touch_image(transaction, reference));
    MSB_TRY(auto found, index::find_image(transaction, reference));
    if (!touched || !found) return Error(Status::image_not_found, reference).with("reference", reference);
    return std::move(*found);
  });
}

}  // namespace msb::image
