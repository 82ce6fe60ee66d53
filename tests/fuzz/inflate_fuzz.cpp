// Blobs of any compression.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "archive/inflate.h"
#include "support/streams.h"

using namespace msb;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  test::StringSource source(std::string(reinterpret_cast<const char*>(data), size));
  constexpr uint64_t kMost = 1 << 20;
  const auto inflated = archive::InflatedSource::open(source, {kMost});
  if (!inflated) return 0;
  std::vector<std::byte> buffer(10000);
  uint64_t produced = 0;
  while (true) {
    const auto part = (*inflated)->read(buffer);
    if (!part) {
      if (part.error().status() != Status::image_invalid) std::abort();
      break;
    }
    if (*part == 0) break;
    produced += *part;
  }
  if (produced > kMost) std::abort();
  return 0;
}
