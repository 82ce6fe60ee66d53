#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/call.h"
#include "digest/digest.h"
#include "image/context.h"
#include "index/images.h"
#include "oci/cache_record.h"

namespace msb::image {

/// True when `text` is a digest, or a name with a digest, and that is the one of the row's manifest; of a name the tag
/// does not count, as what has a digest needs none.
bool leads_by_digest(const std::string& text, const index::ImageRow& row);

/// Looks an image up: by the text as it is stored, else by what the reference means, else by the digest in it; of
/// several such spellings by the newest.
/// @retval Status::invalid_argument  it is no reference
/// @retval Status::image_not_found   not in the cache
Result<index::ImageRow> get(const Context& context, const std::string& reference, const Call& call);

/// All references, newest first.
Result<std::vector<index::ImageRow>> list(const Context& context, const Call& call);

struct ImageDetail {
  index::ImageRow image;
  std::optional<index::ConfigRecord> config;
  std::vector<index::LayerRow> layers;  ///< bottom first
};

/// Like get(), with config and layers. What microsandbox leaves out of its rows comes from the image's document and
/// from the layer files, where they are there.
Result<ImageDetail> inspect(const Context& context, const std::string& reference, const Call& call);

/// The document of an image, by a reference as for get(). Where the reference has none, as microsandbox takes it away
/// with another spelling, that of another reference of the image.
/// @retval Status::image_not_found  there is no row, or no document of its manifest
Result<oci::CacheRecord> find_document(const Context& context, const std::string& reference, const Call& call);

/// The document of a manifest, whatever references mean by now: an image that is in use keeps one.
/// @retval Status::image_not_found  there is none
Result<oci::CacheRecord> find_document_of(const Context& context, const Digest& manifest, const Call& call);

}  // namespace msb::image
