#include "oci/manifest.h"

#include <algorithm>
#include <limits>

#include "json/node.h"
#include "json/parse.h"
#include "json/write.h"
#include "oci/members.h"

namespace msb::oci {
namespace {

Result<StringMap> read_annotations(const json::Node& object) {
  MSB_TRY(const auto member, object.optional("annotations"));
  if (!member) return StringMap();
  return member->string_map();
}

Result<Descriptor> read_descriptor(const json::Node& node) {
  Descriptor descriptor;
  MSB_TRY(const json::Node media_type, node.member("mediaType"));
  MSB_TRY(descriptor.media_type, media_type.string());
  MSB_TRY(const json::Node digest, node.member("digest"));
  MSB_TRY(descriptor.digest, sha256_digest(digest));
  MSB_TRY(const json::Node size, node.member("size"));
  MSB_TRY(descriptor.size, size.u64(std::numeric_limits<int64_t>::max()));
  MSB_TRY(descriptor.annotations, read_annotations(node));
  MSB_TRY(const auto platform, node.optional("platform"));
  if (platform) {
    MSB_TRY(auto os, optional_text(*platform, "os"));
    MSB_TRY(auto architecture, optional_text(*platform, "architecture"));
    MSB_TRY(auto variant, optional_text(*platform, "variant"));
    descriptor.platform = Platform{os.value_or(""), architecture.value_or(""), variant.value_or("")};
  }
  return descriptor;
}

Result<std::vector<Descriptor>> read_descriptors(const json::Node& node) {
  MSB_TRY(const auto elements, node.elements());
  std::vector<Descriptor> descriptors;
  descriptors.reserve(elements.size());
  for (const json::Node& element : elements) {
    MSB_TRY(Descriptor descriptor, read_descriptor(element));
    descriptors.push_back(std::move(descriptor));
  }
  return descriptors;
}

Result<Manifest> read_manifest(const json::Node& document, std::string media_type) {
  Manifest manifest;
  manifest.media_type = media_type.empty() ? std::string(kOciManifest) : std::move(media_type);
  MSB_TRY(const json::Node config, document.member("config"));
  MSB_TRY(manifest.config, read_descriptor(config));
  MSB_TRY(const json::Node layers, document.member("layers"));
  MSB_TRY(manifest.layers, read_descriptors(layers));
  if (manifest.layers.size() > kMaxLayers) {
    return layers.fault("has more than " + std::to_string(kMaxLayers) + " entries");
  }
  MSB_TRY(manifest.annotations, read_annotations(document));
  return manifest;
}

Result<Index> read_index(const json::Node& document, std::string media_type) {
  Index index;
  index.media_type = media_type.empty() ? std::string(kOciIndex) : std::move(media_type);
  MSB_TRY(const json::Node manifests, document.member("manifests"));
  MSB_TRY(index.manifests, read_descriptors(manifests));
  MSB_TRY(index.annotations, read_annotations(document));
  return index;
}

Result<std::variant<Manifest, Index>> read_document(const json::Node& document) {
  using Either = std::variant<Manifest, Index>;
  MSB_TRY(const json::Node version, document.member("schemaVersion"));
  MSB_TRY(const uint64_t schema, version.u64());
  if (schema == 1) {
    return version.fault("is 1: this is an image of Docker's old schema 1; push it again with a current Docker");
  }
  if (schema != 2) return version.fault("is not 2");
  MSB_TRY(const auto stated, optional_text(document, "mediaType"));
  std::string media_type = stated.value_or("");
  if (!media_type.empty() && !is_manifest_type(media_type) && !is_index_type(media_type)) {
    return document.fault("has the unsupported media type " + media_type);
  }
  // A document that can be read as either would be one thing to us and another to the next program.
  const json::Value& value = document.value();
  const bool image = value.find("config") != nullptr || value.find("layers") != nullptr;
  const bool index = value.find("manifests") != nullptr;
  if (image && index) return document.fault("is an image manifest and an index at once");
  if (!image && !index) return document.fault("is neither an image manifest nor an index");
  if (!media_type.empty() && is_index_type(media_type) != index) {
    return document.fault("has members that do not go with its media type " + media_type);
  }
  if (index) {
    MSB_TRY(Index read, read_index(document, std::move(media_type)));
    return Either(std::move(read));
  }
  MSB_TRY(Manifest read, read_manifest(document, std::move(media_type)));
  return Either(std::move(read));
}

json::Value write_descriptor(const Descriptor& descriptor) {
  return json::Object{
      {"digest", descriptor.digest.text()}, {"mediaType", descriptor.media_type}, {"size", descriptor.size}};
}

}  // namespace

const std::string* Descriptor::annotation(std::string_view name) const {
  const auto found =
      std::find_if(annotations.begin(), annotations.end(), [&](const auto& a) { return a.first == name; });
  return found == annotations.end() ? nullptr : &found->second;
}

bool Descriptor::is_attestation() const {
  const std::string* type = annotation("vnd.docker.reference.type");
  return (type != nullptr && *type == "attestation-manifest") || media_type.find("attestation") != std::string::npos ||
         (platform && platform->os == "unknown" && platform->architecture == "unknown");
}

bool is_manifest_type(std::string_view media_type) {
  return media_type == kOciManifest || media_type == kDockerManifest;
}
bool is_index_type(std::string_view media_type) { return media_type == kOciIndex || media_type == kDockerList; }

Result<std::variant<Manifest, Index>> parse_document(std::string_view bytes) {
  auto value = json::parse(bytes, {.max_bytes = kMaxDocumentBytes, .status = Status::image_invalid});
  if (!value) return std::move(value).error().in("manifest");
  auto document = read_document(json::Node(*value, Status::image_invalid));
  if (!document) return std::move(document).error().in("manifest");
  return document;
}

Result<Manifest> parse_manifest(std::string_view bytes) {
  MSB_TRY(auto document, parse_document(bytes));
  if (auto* manifest = std::get_if<Manifest>(&document)) return std::move(*manifest);
  return Error(Status::image_invalid, "manifest: the document is an index where an image manifest is needed")
      .with("member", "manifests");
}

Result<Index> parse_index(std::string_view bytes) {
  MSB_TRY(auto document, parse_document(bytes));
  if (auto* index = std::get_if<Index>(&document)) return std::move(*index);
  return Error(Status::image_invalid, "manifest: the document is an image manifest where an index is needed")
      .with("member", "config");
}

Error no_such_platform(const Platform& platform, std::string_view subject, const Strings& offered) {
  std::string detail = "no manifest for platform " + platform.text() + " in " + std::string(subject) + "; it offers ";
  if (offered.empty()) detail += "none";
  for (size_t i = 0; i < offered.size(); ++i) detail += (i == 0 ? "" : ", ") + offered[i];
  return Error(Status::image_invalid, detail).with("platform", platform.text());
}

Result<const Descriptor*> select(std::span<const Descriptor> manifests, const Platform& platform,
                                 std::string_view subject) {
  constexpr int kUnnamed = -1;
  const Descriptor* best = nullptr;
  int best_rank = kUnnamed - 1;
  Strings offered;
  for (const Descriptor& manifest : manifests) {
    const bool known = is_manifest_type(manifest.media_type) || is_index_type(manifest.media_type);
    if (!known || manifest.is_attestation()) continue;
    const auto rank = manifest.platform ? platform.rank(*manifest.platform) : std::optional(kUnnamed);
    if (rank && *rank > best_rank) {
      best = &manifest;
      best_rank = *rank;
    }
    if (!manifest.platform) continue;
    std::string text = manifest.platform->text();
    if (std::find(offered.begin(), offered.end(), text) == offered.end()) offered.push_back(std::move(text));
  }
  if (best == nullptr) return no_such_platform(platform, subject, offered);
  return best;
}

std::string synthesize_manifest(const Descriptor& config, std::span<const Descriptor> layers) {
  json::Array array;
  for (const Descriptor& layer : layers) array.push_back(write_descriptor(layer));
  return json::write(json::Object{{"config", write_descriptor(config)},
                                  {"layers", std::move(array)},
                                  {"mediaType", kOciManifest},
                                  {"schemaVersion", 2}});
}

}  // namespace msb::oci
