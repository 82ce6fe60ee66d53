#pragma once

#include <cstdint>
#include <string_view>

namespace msb::image {

/// Kinds of things that a home holds. Values are those of MSB_ITEM_… in the header.
enum class ItemKind : uint32_t {
  reference = 1,
  manifest,
  layer,
  fsmeta,
  vmdk,
  metadata,
  blob,
  flat,
  temporary,
  snapshot,
  sandbox,
};

}  // namespace msb::image
