#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/call.h"
#include "image/context.h"
#include "index/images.h"
#include "oci/cache_record.h"
#include "oci/reference.h"

namespace msb::image {

/// A name as its user spells it, and what it means.
struct Spelling {
  std::string text;
  oci::Reference reference;
};

/// An image whose layers, fsmeta and VMDK are in the cache.
struct ReadyImage {
  std::vector<Spelling> spellings;
  oci::CacheRecord document;
  index::ImageRecord row;
};

/// Gives images their names: writes the documents, under the locks of all references, and then all rows in one
/// transaction. Other spellings of the same references come to mean the new images too, as they share the document.
/// After a failure the documents are what they were. No two images may have a reference in common.
/// Returns a row for each spelling.
Result<std::vector<index::ImageRow>> register_images(const Context& context, std::span<const ReadyImage> images,
                                                     const Call& call);

}  // namespace msb::image
