// What reads as the release of a kernel is the name of a directory.

#include <cstdint>
#include <cstdlib>

#include "runtime/kernel.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto release = msb::runtime::read_release(std::as_bytes(std::span(data, size)));
  if (release && (release->empty() || release->front() == '.' || release->find('/') != std::string::npos)) std::abort();
  return 0;
}
