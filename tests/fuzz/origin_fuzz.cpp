// What parses as the origin of a disk is written again, and parses to the same.

#include <cstdint>
#include <cstdlib>

#include "sandbox/directory.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace msb::sandbox;
  const auto digest = parse_origin({reinterpret_cast<const char*>(data), size});
  if (!digest) return 0;
  const auto again = parse_origin(origin_document(*digest));
  if (!again || *again != *digest) std::abort();
  return 0;
}
