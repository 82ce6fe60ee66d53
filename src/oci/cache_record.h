#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "digest/digest.h"
#include "oci/config.h"

namespace msb::oci {

/// What the cache remembers about a reference: the document `manifests/<Reference::cache_key()>.json`, shared with
/// microsandbox (formats/images.md §1.3).
struct CacheRecord {
  struct Layer {
    Digest digest;  ///< of the blob
    std::optional<std::string> media_type;
    std::optional<uint64_t> size;  ///< of the blob
    Digest diff_id;

    bool operator==(const Layer&) const = default;
  };

  Digest manifest_digest;
  Digest config_digest;
  std::string raw_manifest;  ///< exact bytes; msb's own pulls store another spelling, whose digest differs
  std::string raw_config;    ///< exact bytes
  RunConfig config;
  std::vector<Layer> layers;  ///< bottom first

  /// Both documents must belong together: as many diff IDs as layers.
  static CacheRecord of(const Digest& manifest_digest, std::string raw_manifest, const Manifest& manifest,
                        std::string raw_config, const ImageConfig& config);
  /// Members that are not known are ignored, optional ones may be missing. On failure (image_invalid) the reference
  /// counts as not cached.
  static Result<CacheRecord> parse(std::string_view text);
  /// The bytes that microsandbox writes for the same content, its members in the same order.
  std::string write() const;

  bool operator==(const CacheRecord&) const = default;
};

/// Larger documents are not read: both raw texts, each escaped once more, and the lists made from them.
inline constexpr size_t kMaxCacheRecordBytes = size_t{16} << 20;

}  // namespace msb::oci
