#include <optional>

#include "image/archived_image.h"
#include "json/node.h"
#include "json/parse.h"

namespace msb::image {
namespace {

constexpr char kManifest[] = "manifest.json";
constexpr std::string_view kNoTag = "<none>:<none>";
constexpr size_t kMaxManifestBytes = size_t{16} << 20;
constexpr size_t kHexDigits = 64;

/// The digest that a path claims for its file: `blobs/sha256/<hex>` of newer archives, `<hex>.json` for configurations.
std::optional<Digest> digest_of_path(std::string_view path) {
  constexpr std::string_view kBlobs = "blobs/sha256/";
  constexpr std::string_view kJson = ".json";
  if (path.starts_with(kBlobs)) {
    path.remove_prefix(kBlobs.size());
  } else if (path.ends_with(kJson)) {
    path.remove_suffix(kJson.size());
  } else {
    return std::nullopt;
  }
  if (path.size() != kHexDigits) return std::nullopt;
  auto digest = Digest::parse("sha256:" + std::string(path));
  return digest ? std::optional(std::move(*digest)) : std::nullopt;
}

Done read_config(const ArchiveFiles& files, const std::string& path, SourceImage& image) {
  MSB_TRY(const ArchiveFile file, files.find(path));
  MSB_TRY(image.raw_config, file.read(oci::kMaxDocumentBytes));
  oci::Descriptor& config = image.manifest.config;
  config.media_type = oci::kOciConfig;
  config.digest = Digest::sha256_of(as_bytes(image.raw_config));
  config.size = image.raw_config.size();
  const auto claimed = digest_of_path(path);
  if (claimed && *claimed != config.digest) {
    return invalid_member(path, "does not have the digest in its name")
        .with("expected", claimed->text())
        .with("actual", config.digest.text());
  }
  auto parsed = oci::parse_config(image.raw_config);
  if (!parsed) return std::move(parsed).error().in(path);
  image.config = std::move(*parsed);
  return {};
}

Result<SourceImage> read_image(const ArchiveFiles& files, const json::Node& entry, const oci::Platform& platform) {
  SourceImage image;
  image.manifest.media_type = oci::kOciManifest;
  MSB_TRY(const json::Node config, entry.member("Config"));
  MSB_TRY(const std::string_view config_path, config.string());
  MSB_CHECK(read_config(files, std::string(config_path), image));
  MSB_CHECK(oci::check_platform(image.config, platform, config_path));

  MSB_TRY(const auto tags, entry.optional("RepoTags"));
  if (tags) {
    MSB_TRY(image.references, tags->strings());
    std::erase(image.references, kNoTag);
  }
  std::vector<std::string> paths;
  MSB_TRY(const auto layers, entry.optional("Layers"));
  if (layers) {
    MSB_TRY(paths, layers->strings());
  }
  if (paths.size() > oci::kMaxLayers) {
    return layers->fault("has more than " + std::to_string(oci::kMaxLayers) + " entries");
  }
  MSB_CHECK(oci::check_layer_count(image.config, paths.size()));
  for (const std::string& path : paths) {
    MSB_TRY(ArchiveFile file, files.find(path));
    oci::Descriptor layer;
    layer.digest = digest_of_path(path).value_or(Digest());
    layer.size = file.size();
    image.manifest.layers.push_back(std::move(layer));
    image.layers.push_back(std::make_shared<const ArchiveFile>(std::move(file)));
  }
  return image;
}

}  // namespace

Result<std::vector<SourceImage>> read_docker_archive(const ArchiveFiles& files, const oci::Platform& platform,
                                                     const Call& call) {
  MSB_TRY(const ArchiveFile file, files.find(kManifest));
  MSB_TRY(const std::string text, file.read(kMaxManifestBytes));
  auto parsed = json::parse(text, {.max_bytes = kMaxManifestBytes, .status = Status::image_invalid});
  if (!parsed) return std::move(parsed).error().in(kManifest).with("member", kManifest);
  const auto read = [&]() -> Result<std::vector<SourceImage>> {
    MSB_TRY(const auto entries, json::Node(*parsed, Status::image_invalid).elements());
    if (entries.empty()) return invalid_member(kManifest, "lists no image");
    if (entries.size() > kMaxImages) return invalid_member(kManifest, "lists too many images");
    std::vector<SourceImage> images;
    size_t bytes = 0;
    for (const json::Node& entry : entries) {
      MSB_CHECK(call.check());
      MSB_TRY(SourceImage image, read_image(files, entry, platform));
      bytes += image.raw_config.size();
      if (bytes > kMaxDocuments) return invalid_member(kManifest, "lists more configurations than fit into memory");
      images.push_back(std::move(image));
    }
    return images;
  };
  return read();
}

}  // namespace msb::image
