#pragma once

#include <memory>

#include "capi/object.h"

struct msb_error final : msb::capi::Object {
  static constexpr msb_handle_kind kKind = MSB_KIND_ERROR;
  explicit msb_error(msb::Error e);
  ~msb_error() override;

  msb::Error error;
  msb_error* cause = nullptr;  ///< owned; borrowed by the caller
};
