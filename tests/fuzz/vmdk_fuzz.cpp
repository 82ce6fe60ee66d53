// What parses as a VMDK descriptor is written again, and parses to the same extents.

#include <cstdint>
#include <cstdlib>

#include "erofs/vmdk.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto extents = msb::erofs::parse_vmdk({reinterpret_cast<const char*>(data), size});
  if (!extents) return 0;
  const auto text = msb::erofs::format_vmdk(*extents);
  if (!text) std::abort();
  const auto again = msb::erofs::parse_vmdk(*text);
  if (!again || *again != *extents) std::abort();
  return 0;
}
