#pragma once

#include <string>
#include <vector>

#include "base/call.h"
#include "image/context.h"

namespace msb::image {

enum class Format {
  docker,  ///< as `docker save` writes
  oci,     ///< an OCI image layout
};

struct SaveRequest {
  std::vector<std::string> references;  ///< each as for get()
  std::string path;                     ///< replaced if there; empty to write `fd`
  int fd = -1;                          ///< stays open
  Format format = Format::docker;
};

/// Writes images as one tar that depends on them alone: see msb_image_save().
Done save(const Context& context, const SaveRequest& request, const Call& call);

}  // namespace msb::image
