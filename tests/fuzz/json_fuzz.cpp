// Whatever parses is written, read again to an equal value, and written to equal bytes.

#include <cstdint>
#include <cstdlib>

#include "base/bytes.h"
#include "json/parse.h"
#include "json/write.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace msb;
  const auto value = json::parse({reinterpret_cast<const char*>(data), size});
  if (!value) return 0;
  for (const json::Layout layout : {json::Layout::compact, json::Layout::pretty}) {
    const std::string text = json::write(*value, layout);
    if (!is_utf8(text)) std::abort();
    const auto again = json::parse(text, {.max_bytes = SIZE_MAX});
    if (!again || json::write(*again, layout) != text) std::abort();
  }
  return 0;
}
