#pragma once

#include <cstdint>
#include <string_view>

namespace msb {

/// Failure kinds, equal in value to the C codes. The rows are in status.def.
enum class Status : int32_t {
  ok = 0,
#define MSB_STATUS(id, value, ...) id = value,
#include "base/status.def"
#undef MSB_STATUS
};

struct StatusRow {
  Status status;
  std::string_view tag;      ///< snake case, as on the wire: `image_not_found`
  std::string_view go_name;  ///< `ImageNotFound`; several rows may share one Go constant
  std::string_view lead_in;  ///< how a message of the kind begins; may be empty
};

/// Row of a kind, or null for `ok` and for values that this release does not know.
const StatusRow* find_status(Status status);
/// Row whose tag is `tag`, or null.
const StatusRow* find_status_by_tag(std::string_view tag);

}  // namespace msb
