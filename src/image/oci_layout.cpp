#include <algorithm>
#include <map>
#include <optional>

#include "image/archived_image.h"
#include "image/choose_image.h"
#include "json/node.h"
#include "json/parse.h"

namespace msb::image {
namespace {

constexpr char kLayout[] = "oci-layout";
constexpr char kIndex[] = "index.json";
constexpr std::string_view kContainerdName = "io.containerd.image.name";
constexpr size_t kMaxLayoutBytes = size_t{64} << 10;

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
      : files_(files),
        store_{[&files](const oci::Descriptor& descriptor) { return read_document(files, descriptor); }, blob_path,
               "the archive", kIndex},
        chooser_(store_, platform, call) {}

  Result<std::vector<SourceImage>> read(const oci::Index& root) {
    for (const Named& named : group_by_name(root)) {
      MSB_TRY(auto image, chooser_.choose(named.entries));
      if (!image) continue;
      MSB_CHECK(find_layers(*image));
      if (named.name) image->references.push_back(*named.name);
      documents_ += image->raw_manifest.size() + image->raw_config.size();
      if (documents_ > kMaxDocuments) return invalid_member(kIndex, "leads to more documents than fit into memory");
      add(std::move(*image));
      if (images_.size() > kMaxImages) return invalid_member(kIndex, "lists too many images");
    }
    if (images_.empty()) return chooser_.nothing_found().with("member", kIndex);
    return std::move(images_);
  }

 private:
  Done find_layers(SourceImage& image) const {
    for (const oci::Descriptor& layer : image.manifest.layers) {
      MSB_TRY(ArchiveFile file, find_blob(files_, layer));
      image.layers.push_back(std::make_shared<const ArchiveFile>(std::move(file)));
    }
    return {};
  }

  /// One image may have several names.
  void add(SourceImage image) {
    const auto same = std::find_if(images_.begin(), images_.end(),
                                   [&](const SourceImage& other) { return other.raw_manifest == image.raw_manifest; });
    if (same == images_.end()) {
      images_.push_back(std::move(image));
    } else {
      same->references.insert(same->references.end(), image.references.begin(), image.references.end());
    }
  }

  const ArchiveFiles& files_;
  const DocumentStore store_;
  ImageChooser chooser_;
  std::vector<SourceImage> images_;
  size_t documents_ = 0;
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

Result<std::vector<SourceImage>> read_oci_layout(const ArchiveFiles& files, const oci::Platform& platform,
                                                 const Call& call) {
  MSB_CHECK(check_layout_version(files));
  MSB_TRY(const ArchiveFile file, files.find(kIndex));
  MSB_TRY(const std::string text, file.read(oci::kMaxDocumentBytes));
  auto index = oci::parse_index(text);
  if (!index) return std::move(index).error().in(kIndex);
  return LayoutReader(files, platform, call).read(*index);
}

Result<std::vector<SourceImage>> read_images(const ArchiveFiles& files, const oci::Platform& platform,
                                             const Call& call) {
  MSB_TRY(const bool docker, files.contains("manifest.json"));
  if (docker) return read_docker_archive(files, platform, call);
  MSB_TRY(const bool layout, files.contains(kLayout));
  if (layout) return read_oci_layout(files, platform, call);
  return Error(Status::image_invalid,
               "this is no archive of an image, it has neither manifest.json nor oci-layout; of the tar of a root file "
               "system `docker import FILE NAME` makes an image, and `docker save NAME` its archive");
}

}  // namespace msb::image
