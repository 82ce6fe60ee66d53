#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/call.h"
#include "image/context.h"
#include "image/ingest.h"
#include "index/images.h"
#include "oci/platform.h"
#include "registry/registry.h"

namespace msb::image {

enum class PullPolicy {
  if_missing,  ///< what is cached is taken as it is, and nobody is asked
  always,      ///< the registry is asked what the reference means; layers that are there are not fetched again
  never,       ///< only what is cached
};

struct PullRequest {
  std::string reference;
  PullPolicy policy = PullPolicy::if_missing;
  bool force = false;                     ///< fetch and make everything anew
  bool fall_back = false;                 ///< a registry that cannot be reached leaves us with what is cached
  std::optional<oci::Platform> platform;  ///< absent: this machine's
  Keep keep = Keep::recipe;
  archive::TarLimits limits = archive::layer_limits();
  /// A layer that takes longer to come leaves what has come on disk when the pull fails or dies, for the next one.
  std::chrono::milliseconds part_worth{10'000};
  registry::Options registry;
};

struct Pulled {
  index::ImageRow row;
  bool cached = false;     ///< nothing was fetched but perhaps its manifest
  bool fell_back = false;  ///< the registry could not be reached
  uint32_t layers_fetched = 0;
  uint32_t layers_present = 0;  ///< that were there already
  uint64_t bytes_fetched = 0;   ///< of layers
};

/// Gets an image from its registry: see msb_image_pull(). Bytes are inflated, hashed and laid out while they come; no
/// layer is written down before it is an EROFS file, but for one that takes long (see DownloadPart). Pulls that need
/// the same layer at once wait for the one that fetches it, whatever process it is in.
Result<Pulled> pull(const Context& context, const PullRequest& request, const Call& call);

}  // namespace msb::image
