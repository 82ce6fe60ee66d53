#include "image/saved_image.h"

#include <algorithm>

#include "image/query.h"
#include "json/parse.h"
#include "json/write.h"
#include "oci/cache_record.h"
#include "oci/config.h"
#include "oci/manifest.h"

namespace msb::image {
namespace {

SavedDocument document(std::string text, std::string media_type) {
  SavedDocument saved;
  saved.digest = Digest::sha256_of(as_bytes(text));
  saved.text = std::move(text);
  saved.media_type = std::move(media_type);
  return saved;
}

/// A configuration for layers that have other diff IDs than the original ones, in the form of microsandbox's
/// (formats/images.md §10.4).
Result<std::string> rewrite_config(const oci::CacheRecord& record, const std::vector<Digest>& diff_ids) {
  MSB_TRY(const json::Value original, json::parse(record.raw_config, {.status = Status::image_invalid}));
  if (original.object() == nullptr) return Error(Status::image_invalid, "the configuration is not an object");
  json::Object config = *original.object();
  const auto member = [&](const std::string& name) -> json::Value& {
    const auto found = std::find_if(config.begin(), config.end(), [&](const auto& m) { return m.name == name; });
    if (found != config.end()) return found->value;
    config.push_back({name, json::Value()});
    return config.back().value;
  };
  json::Array digests;
  for (const Digest& diff_id : diff_ids) digests.emplace_back(diff_id.text());
  member("rootfs") = json::Object{{"diff_ids", std::move(digests)}, {"type", "layers"}};
  const oci::Platform host = oci::Platform::host();
  if (member("architecture").string() == nullptr) member("architecture") = host.architecture;
  if (member("os").string() == nullptr) member("os") = host.os;
  return json::write(json::sorted(json::Value(std::move(config))));
}

class Planner {
 public:
  Planner(const Context& context, LayerExport::Shape shape, const Call& call)
      : context_(context), shape_(shape), call_(call) {}

  Result<SavedImages> run(const std::vector<std::string>& references) {
    for (const std::string& reference : references) {
      MSB_CHECK(call_.check());
      MSB_CHECK(add(reference));
    }
    return std::move(saved_);
  }

 private:
  Done add(const std::string& reference) {
    MSB_TRY(const oci::CacheRecord record, find_document(context_, reference, call_));
    const auto [place, fresh] = images_.try_emplace(record.manifest_digest, saved_.images.size());
    if (fresh) {
      MSB_TRY(SavedImage image, plan(record));
      saved_.images.push_back(std::move(image));
    }
    std::vector<std::string>& names = saved_.images[place->second].references;
    // A digest finds an image, but is no name for one.
    MSB_TRY(const index::ImageRow row, get(context_, reference, call_));
    const std::string& name = leads_by_digest(reference, row) ? row.reference : reference;
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    return {};
  }

  Result<SavedImage> plan(const oci::CacheRecord& record) {
    SavedImage image;
    std::vector<Digest> diff_ids;
    bool same_tars = true;
    bool same_blobs = true;
    for (const oci::CacheRecord::Layer& layer : record.layers) {
      MSB_TRY(const size_t place, place_layer(layer));
      const LayerExport& out = saved_.layers[place];
      image.layers.push_back(place);
      diff_ids.push_back(out.diff_id());
      same_tars &= out.diff_id() == layer.diff_id;
      same_blobs &= out.digest() == layer.digest;
    }
    MSB_TRY(const oci::ImageConfig config, oci::parse_config(record.raw_config));
    image.platform = config.platform;
    if (same_tars) {
      image.config = document(record.raw_config, std::string(oci::kOciConfig));
    } else {
      MSB_TRY(std::string text, rewrite_config(record, diff_ids));
      image.config = document(std::move(text), std::string(oci::kOciConfig));
    }
    // msb's own pulls keep the manifest in another spelling than the one that has the digest.
    const bool exact = Digest::sha256_of(as_bytes(record.raw_manifest)) == record.manifest_digest;
    if (same_tars && same_blobs && exact) {
      MSB_TRY(const oci::Manifest original, oci::parse_manifest(record.raw_manifest));
      image.config.media_type = original.config.media_type;
      image.manifest = document(record.raw_manifest, original.media_type);
    } else {
      image.manifest = document(make_manifest(image), std::string(oci::kOciManifest));
    }
    return image;
  }

  std::string make_manifest(const SavedImage& image) const {
    oci::Descriptor config;
    config.media_type = image.config.media_type;
    config.digest = image.config.digest;
    config.size = image.config.text.size();
    std::vector<oci::Descriptor> layers;
    for (const size_t place : image.layers) {
      const LayerExport& out = saved_.layers[place];
      oci::Descriptor layer;
      layer.media_type = out.media_type();
      layer.digest = out.digest();
      layer.size = out.size();
      layers.push_back(std::move(layer));
    }
    return oci::synthesize_manifest(config, layers);
  }

  /// A layer that several images have, or one has twice, is planned once.
  Result<size_t> place_layer(const oci::CacheRecord::Layer& layer) {
    const auto key = std::pair(layer.diff_id, shape_ == LayerExport::Shape::shipped ? layer.digest : Digest());
    const auto known = layers_.find(key);
    if (known != layers_.end()) return known->second;
    MSB_TRY(LayerExport out, LayerExport::plan(context_, layer, shape_, call_));
    // Two blobs of one layer that both come out as its tar are one.
    const auto same = std::find_if(saved_.layers.begin(), saved_.layers.end(),
                                   [&](const LayerExport& other) { return other.digest() == out.digest(); });
    const auto place = static_cast<size_t>(same - saved_.layers.begin());
    if (same == saved_.layers.end()) saved_.layers.push_back(std::move(out));
    layers_.emplace(key, place);
    return place;
  }

  const Context& context_;
  const LayerExport::Shape shape_;
  const Call& call_;
  SavedImages saved_;
  std::map<Digest, size_t> images_;
  std::map<std::pair<Digest, Digest>, size_t> layers_;
};

}  // namespace

Result<SavedImages> plan_images(const Context& context, const std::vector<std::string>& references,
                                LayerExport::Shape shape, const Call& call) {
  return Planner(context, shape, call).run(references);
}

}  // namespace msb::image
