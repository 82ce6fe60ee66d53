#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "digest/digest.h"
#include "oci/platform.h"

namespace msb::oci {

// Manifests and indexes of OCI and of Docker (schema 2), formats/images.md §4. What comes out of a parser here has
// passed every check; the digest of a document is that of its exact bytes, which the caller keeps.

inline constexpr std::string_view kOciManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kOciIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kOciConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kOciLayerTar = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view kOciLayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view kOciLayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr std::string_view kDockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerList = "application/vnd.docker.distribution.manifest.list.v2+json";

inline constexpr std::string_view kRefNameAnnotation = "org.opencontainers.image.ref.name";

inline constexpr size_t kMaxDocumentBytes = size_t{4} << 20;  ///< of a manifest, an index or a configuration
inline constexpr size_t kMaxLayers = 512;
inline constexpr size_t kMaxIndexDepth = 32;  ///< indexes within indexes
inline constexpr size_t kMaxIndexes = 1024;   ///< indexes in one image archive

using Strings = std::vector<std::string>;
/// Names and values, in document order.
using StringMap = std::vector<std::pair<std::string, std::string>>;

/// Says what to fetch: content of that digest (always sha256) and size.
struct Descriptor {
  std::string media_type;
  Digest digest;
  uint64_t size = 0;
  std::optional<Platform> platform;
  StringMap annotations;

  /// Value of an annotation, or null.
  const std::string* annotation(std::string_view name) const;
  /// True for what build tools attach to an image: it cannot be run.
  bool is_attestation() const;
};

struct Manifest {
  std::string media_type;  ///< as the document says, else that of OCI
  Descriptor config;
  std::vector<Descriptor> layers;  ///< bottom first; one may appear several times
  StringMap annotations;
};

struct Index {
  std::string media_type;
  std::vector<Descriptor> manifests;
  StringMap annotations;
};

bool is_manifest_type(std::string_view media_type);
bool is_index_type(std::string_view media_type);

/// Reads a manifest or an index; what it is follows from its members, and its media type must agree. Fails with
/// image_invalid and the fact `member`.
Result<std::variant<Manifest, Index>> parse_document(std::string_view bytes);
/// The same, where only the one will do.
Result<Manifest> parse_manifest(std::string_view bytes);
Result<Index> parse_index(std::string_view bytes);

/// The entry of an index for a platform: the best by Platform::rank(), the first among equals; where none names a
/// fitting platform, the first that names none. Fails with image_invalid, listing what there is: `no manifest for
/// platform linux/amd64 in <subject>; it offers …`.
Result<const Descriptor*> select(std::span<const Descriptor> manifests, const Platform& platform,
                                 std::string_view subject);
/// That failure.
Error no_such_platform(const Platform& platform, std::string_view subject, const Strings& offered);

/// The manifest that microsandbox makes for an image of a Docker archive, which has none; its digest names the image
/// (formats/images.md §10.2).
std::string synthesize_manifest(const Descriptor& config, std::span<const Descriptor> layers);

}  // namespace msb::oci
