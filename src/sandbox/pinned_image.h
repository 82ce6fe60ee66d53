#pragma once

#include <optional>
#include <string>

#include "base/call.h"
#include "image/context.h"
#include "image/lease.h"
#include "index/images.h"
#include "sandbox/create.h"

namespace msb::sandbox {

/// The image that a sandbox stands on, kept from being removed by the lease.
struct PinnedImage {
  image::Lease lease;
  std::string reference;
  std::string digest;
  std::optional<index::ConfigRecord> config;
};

/// Finds the image that a request asks for, and sees that it can be booted.
/// @retval Status::image_not_found         it is not in the cache, or not complete there
/// @retval Status::snapshot_image_missing  the same of the image of an origin; fact `reference`
Result<PinnedImage> pin_image(const image::Context& context, const CreateRequest& request, const Call& call);

}  // namespace msb::sandbox
