// Whatever parses is written, and reads back equal.

#include <cstdint>
#include <cstdlib>

#include "oci/cache_record.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using msb::oci::CacheRecord;
  const auto record = CacheRecord::parse({reinterpret_cast<const char*>(data), size});
  if (!record) return 0;
  const auto again = CacheRecord::parse(record->write());
  if (!again || *again != *record) std::abort();
  return 0;
}
