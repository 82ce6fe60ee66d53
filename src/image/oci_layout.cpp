#include <algorithm>
#include <map>
#include <optional>

#include "image/archived_image.h"
#include "json/node.h"
#include "json/parse.h"

namespace msb::image {
namespace {

constexpr char kLayout[] = "oci-layout";
constexpr char kIndex[] = "index.json";
constexpr std::string_view kContainerdName = "io.containerd.image.name";
constexpr size_t kMaxLayoutBytes = size_t{64} << 10;
constexpr size_t kMaxManifests = 10'000;  ///< that all indexes list together

std::string blob_path(const Digest& digest) {
  return "blobs/" + std::string(digest.algorithm()) + "/" + std::string(digest.hex());
}

Result<ArchiveFile> find_blob(const ArchiveFiles& files, const oci::Descriptor& descriptor) {
  MSB_TRY(ArchiveFile file, files.find(blob_path(descriptor.digest)));
  if (file.size() == descriptor.size) return file;
  return invalid_member(file.path(), "is not as large as its descriptor says")
      .with("expected", std::to_string(descriptor.size))
      .with("actual", std::to_string(file.size()));
}

/// A manifest, index or configuration, checked against its descriptor.
Result<std::string> read_document(const ArchiveFiles& files, const oci::Descriptor& descriptor) {
  MSB_TRY(const ArchiveFile file, find_blob(files, descriptor));
  MSB_TRY(std::string text, file.read(oci::kMaxDocumentBytes));
  const Digest actual = Digest::sha256_of(as_bytes(text));
  if (actual == descriptor.digest) return text;
  return invalid_member(file.path(), "does not have the digest in its name")
      .with("expected", descriptor.digest.text())
      .with("actual", actual.text());
}

/// Entries of `index.json` that have one name: one image for each platform, or indexes of such.
struct Named {
  std::optional<std::string> name;
  std::vector<const oci::Descriptor*> entries;
};

std::vector<Named> group_by_name(const oci::Index& index) {
  std::vector<Named> groups;
  std::map<std::string, size_t, std::less<>> places;
  for (const oci::Descriptor& entry : index.manifests) {
    if (entry.is_attestation()) continue;
    // containerd and docker write the full name into their own annotation, and often just the tag into the other.
    const std::string* name = entry.annotation(kContainerdName);
    if (name == nullptr) name = entry.annotation(oci::kRefNameAnnotation);
    if (name == nullptr) {
      groups.push_back({std::nullopt, {&entry}});
      continue;
    }
    const auto [place, fresh] = places.try_emplace(*name, groups.size());
    if (fresh) groups.push_back({*name, {}});
    groups[place->second].entries.push_back(&entry);
  }
  return groups;
}

/// Reads a layout from its root index down.
class LayoutReader {
 public:
  LayoutReader(const ArchiveFiles& files, const oci::Platform& platform, const Call& call)
      : files_(files), platform_(platform), call_(call) {}

  Result<std::vector<ArchivedImage>> read(const oci::Index& root) {
    for (const Named& named : group_by_name(root)) {
      MSB_TRY(auto image, read_named(named));
      if (!image) continue;
      if (named.name) image->references.push_back(*named.name);
      documents_ += image->raw_manifest.size() + image->raw_config.size();
      if (documents_ > kMaxDocuments) return invalid_member(kIndex, "leads to more documents than fit into memory");
      add(std::move(*image));
      if (images_.size() > kMaxImages) return invalid_member(kIndex, "lists too many images");
    }
    if (images_.empty()) return oci::no_such_platform(platform_, "the archive", offered_).with("member", kIndex);
    return std::move(images_);
  }

 private:
  /// The best image under a name; nothing when none is for the platform.
  Result<std::optional<ArchivedImage>> read_named(const Named& named) {
    std::vector<oci::Descriptor> leaves;
    for (const oci::Descriptor* entry : named.entries) MSB_CHECK(expand(*entry, std::nullopt, 0, leaves));
    while (!leaves.empty()) {
      const auto chosen = oci::select(leaves, platform_, "the archive");
      if (!chosen) break;
      const bool unnamed = !(*chosen)->platform;
      MSB_TRY(ArchivedImage image, read_image(**chosen));
      auto runs = oci::check_platform(image.config, platform_, (*chosen)->digest.text());
      if (runs) return std::optional(std::move(image));
      // An index that is wrong about its image is not to be believed; one that says nothing leaves it to the image.
      if (!unnamed) return std::move(runs).error().with("member", blob_path((*chosen)->digest));
      offer(image.config.platform);
      leaves.erase(leaves.begin() + (*chosen - leaves.data()));
    }
    for (const oci::Descriptor& leaf : leaves) {
      if (leaf.platform) offer(*leaf.platform);
    }
    return std::optional<ArchivedImage>();
  }

  /// Collects the image manifests that an entry leads to.
  Done expand(const oci::Descriptor& entry, const std::optional<oci::Platform>& outer, size_t depth,
              std::vector<oci::Descriptor>& leaves) {
    MSB_CHECK(call_.check());
    if (entry.is_attestation()) return {};
    const auto& platform = entry.platform ? entry.platform : outer;
    if (oci::is_manifest_type(entry.media_type)) {
      if (++manifests_ > kMaxManifests) return invalid_member(kIndex, "leads to too many images");
      leaves.push_back(entry);
      leaves.back().platform = platform;
      return {};
    }
    if (!oci::is_index_type(entry.media_type)) return {};
    const std::string path = blob_path(entry.digest);
    if (depth == oci::kMaxIndexDepth) return invalid_member(path, "is an index too deep in others");
    if (++indexes_ > oci::kMaxIndexes) return invalid_member(path, "is one index too many");
    MSB_TRY(const std::string text, read_document(files_, entry));
    auto index = oci::parse_index(text);
    if (!index) return std::move(index).error().in(path);
    for (const oci::Descriptor& inner : index->manifests) MSB_CHECK(expand(inner, platform, depth + 1, leaves));
    return {};
  }

  Result<ArchivedImage> read_image(const oci::Descriptor& descriptor) {
    ArchivedImage image;
    MSB_TRY(image.raw_manifest, read_document(files_, descriptor));
    auto manifest = oci::parse_manifest(image.raw_manifest);
    if (!manifest) return std::move(manifest).error().in(blob_path(descriptor.digest));
    image.manifest = std::move(*manifest);
    MSB_TRY(image.raw_config, read_document(files_, image.manifest.config));
    auto config = oci::parse_config(image.raw_config);
    if (!config) return std::move(config).error().in(blob_path(image.manifest.config.digest));
    image.config = std::move(*config);
    MSB_CHECK(oci::check_layer_count(image.config, image.manifest.layers.size()));
    for (const oci::Descriptor& layer : image.manifest.layers) {
      MSB_TRY(ArchiveFile file, find_blob(files_, layer));
      image.layers.push_back(std::move(file));
    }
    return image;
  }

  /// One image may have several names.
  void add(ArchivedImage image) {
    const auto same = std::find_if(images_.begin(), images_.end(), [&](const ArchivedImage& other) {
      return other.raw_manifest == image.raw_manifest;
    });
    if (same == images_.end()) {
      images_.push_back(std::move(image));
    } else {
      same->references.insert(same->references.end(), image.references.begin(), image.references.end());
    }
  }

  void offer(const oci::Platform& platform) {
    std::string text = platform.text();
    if (std::find(offered_.begin(), offered_.end(), text) == offered_.end()) offered_.push_back(std::move(text));
  }

  const ArchiveFiles& files_;
  const oci::Platform& platform_;
  const Call& call_;
  std::vector<ArchivedImage> images_;
  oci::Strings offered_;
  size_t documents_ = 0;
  size_t indexes_ = 0;
  size_t manifests_ = 0;
};

Done check_layout_version(const ArchiveFiles& files) {
  MSB_TRY(const ArchiveFile file, files.find(kLayout));
  MSB_TRY(const std::string text, file.read(kMaxLayoutBytes));
  auto parsed = json::parse(text, {.max_bytes = kMaxLayoutBytes, .status = Status::image_invalid});
  if (!parsed) return std::move(parsed).error().in(kLayout).with("member", kLayout);
  const json::Value* version = parsed->find("imageLayoutVersion");
  const bool known = version != nullptr && version->string() != nullptr && version->string()->starts_with("1.");
  return known ? Done() : invalid_member(kLayout, "is not of version 1");
}

}  // namespace

Result<std::vector<ArchivedImage>> read_oci_layout(const ArchiveFiles& files, const oci::Platform& platform,
                                                   const Call& call) {
  MSB_CHECK(check_layout_version(files));
  MSB_TRY(const ArchiveFile file, files.find(kIndex));
  MSB_TRY(const std::string text, file.read(oci::kMaxDocumentBytes));
  auto index = oci::parse_index(text);
  if (!index) return std::move(index).error().in(kIndex);
  return LayoutReader(files, platform, call).read(*index);
}

Result<std::vector<ArchivedImage>> read_images(const ArchiveFiles& files, const oci::Platform& platform,
                                               const Call& call) {
  MSB_TRY(const bool docker, files.contains("manifest.json"));
  if (docker) return read_docker_archive(files, platform, call);
  MSB_TRY(const bool layout, files.contains(kLayout));
  if (layout) return read_oci_layout(files, platform, call);
  return Error(Status::image_invalid, "the archive has neither manifest.json nor oci-layout");
}

}  // namespace msb::image
