#include "base/status.h"

#include <algorithm>
#include <array>

namespace msb {
namespace {

constexpr auto kRows = std::to_array<StatusRow>({
#define MSB_STATUS(id, value, go, lead_in, ...) {Status::id, #id, go, lead_in},
#include "base/status.def"
#undef MSB_STATUS
});

}  // namespace

const StatusRow* find_status(Status status) {
  const auto* row = std::find_if(kRows.begin(), kRows.end(), [&](const StatusRow& r) { return r.status == status; });
  return row == kRows.end() ? nullptr : row;
}

const StatusRow* find_status_by_tag(std::string_view tag) {
  const auto* row = std::find_if(kRows.begin(), kRows.end(), [&](const StatusRow& r) { return r.tag == tag; });
  return row == kRows.end() ? nullptr : row;
}

}  // namespace msb
