// Whatever parses is written, and read again to the same value. Only doubles may differ, in their last digits:
// serde_json does not always read back the double it wrote, and so neither do we.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "base/bytes.h"
#include "json/parse.h"
#include "json/write.h"

namespace {

using msb::json::Value;

bool same(const Value& a, const Value& b) {
  if (a.array() != nullptr && b.array() != nullptr) {
    return std::equal(a.array()->begin(), a.array()->end(), b.array()->begin(), b.array()->end(), same);
  }
  if (a.object() != nullptr && b.object() != nullptr) {
    return std::equal(a.object()->begin(), a.object()->end(), b.object()->begin(), b.object()->end(),
                      [](const auto& x, const auto& y) { return x.name == y.name && same(x.value, y.value); });
  }
  if (a == b) return true;
  if (a.i64() || a.u64() || b.i64() || b.u64() || !a.number() || !b.number()) return false;
  constexpr double kFewSubnormals = 1e-322;
  return std::fabs(*a.number() - *b.number()) <= std::fabs(*a.number()) * 1e-15 + kFewSubnormals;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace msb;
  const auto value = json::parse({reinterpret_cast<const char*>(data), size});
  if (!value) return 0;
  for (const json::Layout layout : {json::Layout::compact, json::Layout::pretty}) {
    const std::string text = json::write(*value, layout);
    if (!is_utf8(text)) std::abort();
    const auto again = json::parse(text, {.max_bytes = SIZE_MAX});
    if (!again || !same(*value, *again)) std::abort();
  }
  return 0;
}
