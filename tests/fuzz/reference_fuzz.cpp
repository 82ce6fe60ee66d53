// A reference that parses has a normalised spelling, which means the same.

#include <cstdint>
#include <cstdlib>

#include "oci/reference.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto reference = msb::oci::Reference::parse({reinterpret_cast<const char*>(data), size});
  if (!reference) return 0;
  const auto again = msb::oci::Reference::parse(reference->normalized());
  if (!again || *again != *reference) std::abort();
  return 0;
}
