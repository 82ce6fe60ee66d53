// What parses as a sidecar is written again, and parses to the same.

#include <cstdint>
#include <cstdlib>

#include "snapshot/sidecar.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace msb::snapshot;
  Descriptor descriptor;
  descriptor.upper_size = 11;
  const auto integrity = parse_sidecar({reinterpret_cast<const char*>(data), size}, descriptor);
  if (!integrity) return 0;
  const auto again = parse_sidecar(sidecar_bytes(descriptor, *integrity), descriptor);
  if (!again || *again != *integrity) std::abort();
  return 0;
}
