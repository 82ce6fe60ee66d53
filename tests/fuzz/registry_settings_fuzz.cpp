#include <cstdint>
#include <string_view>

#include "registry/settings.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto settings = msb::registry::Settings::parse(text, "/home");
  if (!settings) return 0;
  for (const auto& [name, host] : settings->hosts) {
    if (!msb::registry::is_host(name)) __builtin_trap();
  }
  return 0;
}
