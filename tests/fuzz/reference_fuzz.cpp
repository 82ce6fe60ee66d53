// A reference that parses has a normalised spelling, which means the same. The one exception is microsandbox's:
// `Foo/bar` passes because `Foo` could be a host, and becomes `docker.io/Foo/bar`, which no longer parses.

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "oci/reference.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto reference = msb::oci::Reference::parse({reinterpret_cast<const char*>(data), size});
  if (!reference) return 0;
  const std::string& repository = reference->repository();
  if (std::any_of(repository.begin(), repository.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) return 0;
  const auto again = msb::oci::Reference::parse(reference->normalized());
  if (!again || *again != *reference) std::abort();
  return 0;
}
