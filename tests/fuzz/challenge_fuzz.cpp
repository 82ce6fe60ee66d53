#include <cstdint>
#include <string_view>

#include "registry/challenge.h"
#include "registry/retry.h"
#include "registry/url.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto challenges = msb::registry::parse_challenges(text);
  if (challenges && challenges->empty()) __builtin_trap();
  // The other headers of a registry that are read: a Location and a Retry-After.
  const auto base = msb::registry::Url::parse("https://registry.example:5000/v2/a");
  const auto url = base->resolve(text);
  if (url && (url->origin().empty() || !msb::registry::Url::parse(url->text()))) __builtin_trap();
  const auto after = msb::registry::parse_retry_after(text, 0);
  if (after && after->count() < 0) __builtin_trap();
  return 0;
}
