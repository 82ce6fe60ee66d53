#pragma once

#include <optional>

#include "base/call.h"
#include "image/context.h"
#include "image/lease.h"
#include "image/register.h"
#include "index/images.h"
#include "oci/platform.h"

namespace msb::image {

/// An image that could be booted as it is.
struct CachedImage {
  Digest manifest;
  ReadyImage ready;
};

/// The image that a reference means in the cache, if all of its files are there: layers, fsmeta and VMDK. The index is
/// not asked, so one that only microsandbox knows is found as well. Another platform than `platform` is no match. The
/// lease holds what is found.
Result<std::optional<CachedImage>> find_cached(const Context& context, const Spelling& spelling,
                                               const std::optional<oci::Platform>& platform, const Lease& lease,
                                               const Call& call);

/// Counts a use of it under the spelling, which becomes a row if it is none. A read-only home is left as it is.
Result<index::ImageRow> use_cached(const Context& context, const CachedImage& image, const Call& call);

}  // namespace msb::image
