// Reads any text as the configuration of a sandbox; only what has an image has a disk of its own.

#include <cstdint>
#include <cstdlib>

#include "sandbox/stored_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto config = msb::sandbox::read_stored_config({reinterpret_cast<const char*>(data), size});
  if (config && config->managed_disk && !config->image_ref) std::abort();
  return 0;
}
