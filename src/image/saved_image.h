#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/call.h"
#include "digest/digest.h"
#include "image/context.h"
#include "image/layer_export.h"
#include "oci/platform.h"

namespace msb::image {

/// A document of an archive, by its digest.
struct SavedDocument {
  std::string text;
  Digest digest;
  std::string media_type;
};

/// An image on its way into an archive.
struct SavedImage {
  std::vector<std::string> references;  ///< as the caller spells them
  SavedDocument manifest;
  SavedDocument config;
  oci::Platform platform;
  std::vector<size_t> layers;  ///< positions in SavedImages::layers
};

/// What an archive is made of; each layer once.
struct SavedImages {
  std::vector<SavedImage> images;
  std::vector<LayerExport> layers;
};

/// Looks images up, and settles what they will be outside of the cache: the original documents where all layers come
/// out as they came in, else documents made for the layers as they are.
Result<SavedImages> plan_images(const Context& context, const std::vector<std::string>& references,
                                LayerExport::Shape shape, const Call& call);

}  // namespace msb::image
