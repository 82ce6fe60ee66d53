#pragma once

#include <optional>
#include <string>
#include <vector>

#include "capi/object.h"
#include "image/ingest.h"
#include "image/query.h"
#include "oci/platform.h"

namespace msb::capi {

/// Reads MSB_KEEP_….
Result<image::Keep> read_keep(uint32_t keep);
/// A platform that callers may leave open.
Result<std::optional<oci::Platform>> read_platform(const char* text);

}  // namespace msb::capi

struct msb_image final : msb::capi::Object {
  static constexpr msb_handle_kind kKind = MSB_KIND_IMAGE;
  explicit msb_image(msb::index::ImageRow r) : Object(kKind), row(std::move(r)) {}

  const msb::index::ImageRow row;
};

struct msb_image_list final : msb::capi::ObjectList<msb_image> {
  static constexpr msb_handle_kind kKind = MSB_KIND_IMAGE_LIST;
  explicit msb_image_list(std::vector<msb::index::ImageRow> rows) : ObjectList(kKind, std::move(rows)) {}
};

struct msb_image_detail final : msb::capi::Object {
  static constexpr msb_handle_kind kKind = MSB_KIND_IMAGE_DETAIL;
  explicit msb_image_detail(msb::image::ImageDetail d);
  ~msb_image_detail() override;

  const msb::image::ImageDetail detail;
  msb_image* image;  ///< one reference
  // The same as arrays of C strings, pointing into `detail`.
  std::vector<const char*> env;
  std::vector<const char*> cmd;
  std::vector<const char*> entrypoint;
  std::vector<msb_kv> labels;
};
