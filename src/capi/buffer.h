#pragma once

#include <string>

#include "capi/object.h"

struct msb_buffer final : msb::capi::Object {
  static constexpr msb_handle_kind kKind = MSB_KIND_BUFFER;
  explicit msb_buffer(std::string b) : Object(kKind), bytes(std::move(b)) {}

  std::string bytes;
};
