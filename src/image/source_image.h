#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/call.h"
#include "base/stream.h"
#include "oci/config.h"
#include "oci/manifest.h"

namespace msb::image {

/// Where the bytes of a layer's blob come from: a file of an archive, a registry. Any thread may open it.
class BlobOrigin {
 public:
  virtual ~BlobOrigin() = default;
  virtual const std::string& name() const = 0;  ///< what messages call it
  virtual uint64_t size() const = 0;            ///< of the blob
  /// All of it from the byte `begin` on. `call` and the origin outlive the source.
  virtual Result<std::unique_ptr<ByteSource>> open(const Call& call, uint64_t begin) const = 0;
};

/// An image on its way into the cache: its documents, all checked against their digests and sizes, and where its layers
/// are.
struct SourceImage {
  std::vector<std::string> references;  ///< as the archive spells them; may be none
  oci::Manifest manifest;
  std::string raw_manifest;  ///< exact bytes; empty for an image of a Docker archive, which has none
  std::string raw_config;
  oci::ImageConfig config;
  /// One for each layer of the manifest, of the size that it says. In a Docker archive the manifest's layers lack a
  /// media type, and a digest where their file's name does not say it.
  std::vector<std::shared_ptr<const BlobOrigin>> layers;
};

}  // namespace msb::image
