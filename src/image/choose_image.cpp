#include "image/choose_image.h"

#include <algorithm>

#include "image/archive_files.h"

namespace msb::image {
namespace {

constexpr size_t kMaxManifests = 10'000;  ///< that all indexes list together

}  // namespace

Result<std::optional<SourceImage>> ImageChooser::choose(std::span<const oci::Descriptor* const> entries) {
  std::vector<oci::Descriptor> leaves;
  for (const oci::Descriptor* entry : entries) MSB_CHECK(expand(*entry, std::nullopt, 0, leaves));
  while (!leaves.empty()) {
    const auto chosen = oci::select(leaves, platform_, store_.subject);
    if (!chosen) break;
    const bool unnamed = !(*chosen)->platform;
    MSB_TRY(SourceImage image, read_image(**chosen));
    auto runs = oci::check_platform(image.config, platform_, (*chosen)->digest.text());
    if (runs) return std::optional(std::move(image));
    // An index that is wrong about its image is not to be believed; one that says nothing leaves it to the image.
    if (!unnamed) return std::move(runs).error().with("member", store_.name_of((*chosen)->digest));
    offer(image.config.platform);
    leaves.erase(leaves.begin() + (*chosen - leaves.data()));
  }
  for (const oci::Descriptor& leaf : leaves) {
    if (leaf.platform) offer(*leaf.platform);
  }
  return std::optional<SourceImage>();
}

/// Collects the image manifests that an entry leads to.
Done ImageChooser::expand(const oci::Descriptor& entry, const std::optional<oci::Platform>& outer, size_t depth,
                          std::vector<oci::Descriptor>& leaves) {
  MSB_CHECK(call_.check());
  if (entry.is_attestation()) return {};
  const auto& platform = entry.platform ? entry.platform : outer;
  if (oci::is_manifest_type(entry.media_type)) {
    if (++manifests_ > kMaxManifests) return invalid_member(store_.root, "leads to too many images");
    leaves.push_back(entry);
    leaves.back().platform = platform;
    return {};
  }
  if (!oci::is_index_type(entry.media_type)) return {};
  const std::string path = store_.name_of(entry.digest);
  if (depth == oci::kMaxIndexDepth) return invalid_member(path, "is an index too deep in others");
  if (++indexes_ > oci::kMaxIndexes) return invalid_member(path, "is one index too many");
  MSB_TRY(const std::string text, store_.read(entry));
  auto index = oci::parse_index(text);
  if (!index) return std::move(index).error().in(path);
  for (const oci::Descriptor& inner : index->manifests) MSB_CHECK(expand(inner, platform, depth + 1, leaves));
  return {};
}

Result<SourceImage> ImageChooser::read_image(const oci::Descriptor& descriptor) {
  SourceImage image;
  MSB_TRY(image.raw_manifest, store_.read(descriptor));
  auto manifest = oci::parse_manifest(image.raw_manifest);
  if (!manifest) return std::move(manifest).error().in(store_.name_of(descriptor.digest));
  image.manifest = std::move(*manifest);
  MSB_TRY(image.raw_config, store_.read(image.manifest.config));
  auto config = oci::parse_config(image.raw_config);
  if (!config) return std::move(config).error().in(store_.name_of(image.manifest.config.digest));
  image.config = std::move(*config);
  MSB_CHECK(oci::check_layer_count(image.config, image.manifest.layers.size()));
  return image;
}

void ImageChooser::offer(const oci::Platform& platform) {
  std::string text = platform.text();
  if (std::find(offered_.begin(), offered_.end(), text) == offered_.end()) offered_.push_back(std::move(text));
}

}  // namespace msb::image
