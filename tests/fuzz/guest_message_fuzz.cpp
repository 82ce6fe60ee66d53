// Whatever a guest says is bounded and printable, however it is cut into pieces.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "runtime/guest_message.h"

namespace {

std::string heard(std::string_view bytes, size_t piece) {
  msb::runtime::GuestReader reader;
  std::string all;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    reader.feed(bytes.substr(at, piece), [&](const msb::runtime::GuestMessage& message) {
      if (message.text.size() > msb::runtime::kMaxGuestLine || message.number < 0 || message.number > 255) std::abort();
      for (const char c : message.text) {
        if (c < ' ' || c > '~') std::abort();
      }
      all +=
          std::to_string(static_cast<int>(message.kind)) + ' ' + std::to_string(message.number) + message.text + '\n';
    });
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (heard(bytes, 3) != heard(bytes, size + 1)) std::abort();
  return 0;
}
